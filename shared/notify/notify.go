// Package notify tells people what was done, what waits for them and what went
// wrong: in a DingTalk or Feishu group, a Slack channel, or at a webhook of their
// own. One notice is one message about one work and its stage, with counts and the
// five most important items, in English or Chinese. Names from the cloud are
// foreign text: no target ever interprets them. What a target itself calls success
// is success, and nothing else is.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Notice is one message.
type Notice struct {
	// ID is the same for every attempt to tell the same thing; a receiver that gets
	// it twice knows so. See IDOf.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// At is when it happened.
	At time.Time `json:"at"`
	// Subject is what it is about: an image's name, a rollout's id. Foreign text.
	Subject string `json:"subject,omitempty"`
	// Function is whose work it is, such as "import".
	Function string  `json:"function"`
	Counts   []Count `json:"counts,omitempty"`
	// Items are the most important ones first; five are shown.
	Items []Item `json:"items,omitempty"`
	// Due is when something will happen by itself, such as a deletion; zero: nothing will.
	Due time.Time `json:"due,omitzero"`
	// Link leads to more, at our own address; empty: there is none.
	Link string `json:"link,omitempty"`
}

// Count is how many items ended in some way.
type Count struct {
	Name CountName `json:"name"`
	N    int       `json:"n"`
}

// Item is one thing that a notice names.
type Item struct {
	// Name is foreign text.
	Name string `json:"name"`
	// Code is a reason's code, and Sentence says it; both may be empty. The sentence
	// is foreign text, as it may quote names.
	Code     string `json:"code,omitempty"`
	Sentence string `json:"sentence,omitempty"`
}

// mostItems is how many items a notice shows.
const mostItems = 5

// IDOf names what a notice is about, such as a work, its stage and the position
// of the record that made it: the same parts, the same id.
func IDOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "msg_" + hex.EncodeToString(sum[:12])
}

// Language is what a target reads.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages returns all of them.
func Languages() []Language { return []Language{English, Chinese} }

// Kind is what a notice tells, function by function.
type Kind string

// The kinds of notices.
const (
	Waiting   Kind = "work.awaitingApproval" // a second person has to approve
	Started   Kind = "work.started"
	Paused    Kind = "work.paused"
	Halted    Kind = "work.halted" // a guard or too many failures; somebody has to decide
	Finished  Kind = "work.finished"
	Partly    Kind = "work.partly" // some done, some not
	Failed    Kind = "work.failed"
	Aborted   Kind = "work.aborted"
	Planned   Kind = "rule.planned" // a rule made a plan that nobody has approved
	Broken    Kind = "rule.broken"  // the document of rules cannot be used; nothing changes
	Expired   Kind = "share.expired"
	Drifted   Kind = "share.drifted" // a list of accounts is no longer as it was wished
	Reported  Kind = "price.reported"
	Marked    Kind = "image.marked" // will be removed unless somebody keeps it
	Removed   Kind = "image.removed"
	Returned  Kind = "image.returned" // was marked, and is kept after all
	Reference Kind = "image.referenceFound"
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{
		Waiting, Started, Paused, Halted, Finished, Partly, Failed, Aborted, Planned, Broken, Expired, Drifted, Reported,
		Marked, Removed, Returned, Reference,
	}
}

// CountName is what is counted.
type CountName string

// What is counted.
const (
	Done    CountName = "done"
	Open    CountName = "open"
	Refused CountName = "refused"
	Errors  CountName = "failed"
	Images  CountName = "images"
	Servers CountName = "instances"
	Shares  CountName = "accounts"
	Unread  CountName = "unknown"
)

// CountNames returns all of them.
func CountNames() []CountName {
	return []CountName{Done, Open, Refused, Errors, Images, Servers, Shares, Unread}
}

// Delivery is what became of a notice at one target.
type Delivery struct {
	// Target is its name in NOTIFY.
	Target string `json:"target"`
	// Delivered: the target itself called it a success.
	Delivered bool `json:"delivered"`
	// Code: why not, if it was not delivered.
	Code     string `json:"code,omitempty"`
	Sentence string `json:"sentence,omitempty"`
	// Attempts is how often it was sent.
	Attempts int `json:"attempts"`
	// Again: it may work later; else the target has to be mended first.
	Again bool `json:"again,omitempty"`
}
