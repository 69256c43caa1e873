// Package notices is whom a deployment tells of what its functions do: the targets
// of the variable NOTIFY, with what keeps their notices until they have them.
package notices

import (
	"context"
	"errors"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/outbox"
)

// Settings are what the environment says of it. A function's configuration embeds
// them.
type Settings struct {
	// Notify are the targets, as JSON, or file: and a path in the package; empty:
	// nobody is told.
	Notify function.Lines `env:"NOTIFY" secret:"true"`
	// Secret is that of the target called platform, for most have no other one; NOTIFY
	// may name further variables that begin with NOTIFY_SECRET_. They are read where
	// they are named.
	Secret function.Secret `env:"NOTIFY_SECRET_PLATFORM"`
	// Address is where this API is found, for the links of notices; empty: they have
	// none.
	Address string `env:"PORTAL_URL" validate:"omitempty,http_url,max=200"`
}

// inFile is how the variable names a file of the package.
const inFile = "file:"

// Notices are those of one function. Nil tells nobody. It is made for a process,
// and safe for concurrent use.
type Notices struct {
	// Function is whose they are, as they say it: import.
	Function string
	// Targets are all there are.
	Targets []notify.Target
	// Sender sends; what it knows of rates lasts as long as the process.
	Sender outbox.Sender
	// Address is where this API is found; empty: nothing is linked.
	Address string
}

// Open reads the targets of a function. look finds their secrets, read reads a file.
// It fails with fault.Invalid, naming the variable and the target. Nil: nobody is told.
func (s Settings) Open(of string, look function.Lookup, read func(path string) ([]byte, error)) (*Notices, error) {
	text := strings.TrimSpace(string(s.Notify))
	if path, ok := strings.CutPrefix(text, inFile); ok {
		content, err := read(path)
		if err != nil {
			return nil, fault.InField("NOTIFY", "configuration", "names a file that cannot be read")
		}
		text = string(content)
	}
	if text == "" {
		return nil, nil
	}
	targets, err := notify.Parse(text, look)
	if err != nil {
		return nil, inVariable(err)
	}
	sender := &notify.Sender{Client: notify.NewClient(), Now: time.Now, Sleep: sleep}
	return &Notices{Function: of, Targets: targets, Sender: sender, Address: strings.TrimSuffix(s.Address, "/")}, nil
}

// inVariable names the variable where the failure names only what stands in it.
func inVariable(err error) error {
	var e *fault.Error
	if !errors.As(err, &e) || strings.HasPrefix(e.Field, "NOTIFY") {
		return err
	}
	named := *e
	named.Cause = nil // it may quote an address
	named.Field = strings.TrimSuffix("NOTIFY."+e.Field, ".")
	return &named
}

// sleep waits; it ends early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Link is the address of a path of this API; empty: there is none.
func (n *Notices) Link(path string) string {
	if n.Address == "" {
		return ""
	}
	return n.Address + path
}

// Box keeps the notices of one event in a journal. worker names the event, unlike
// any other.
func (n *Notices) Box(j *journal.Journal, documents journal.Documents, worker string, now func() time.Time) outbox.Outbox {
	return outbox.Outbox{
		Function: n.Function, Journal: j, Documents: documents, Targets: n.Targets, Sender: n.Sender, Worker: worker, Now: now,
	}
}

// Deliver sends what is due of a box until that time, and logs what somebody should
// look at.
func Deliver(ctx context.Context, call function.Call, box outbox.Outbox, until time.Time) error {
	report, err := box.Deliver(ctx, until)
	for _, s := range report.Sent {
		for _, d := range s.Deliveries {
			if d.Delivered {
				call.Log.Info("notice delivered", "notice", s.ID, "kind", string(s.Kind), "target", d.Target, "attempts", d.Attempts)
				continue
			}
			call.Log.Warn("notice not delivered", "notice", s.ID, "kind", string(s.Kind), "target", d.Target, "code", d.Code, "error", d.Sentence, "again", d.Again, "attempts", d.Attempts)
		}
	}
	if err != nil {
		call.Log.Error("notices failed", "code", fault.Code(err), "error", err)
	}
	return err
}
