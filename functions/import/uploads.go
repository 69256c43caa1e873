package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/outbox"
	"imagekeeper/shared/rules"
	"imagekeeper/shared/work"
)

// uploadInput names an object that is there already.
type uploadInput struct {
	Bucket string `json:"bucket" validate:"required,min=3,max=63" doc:"The bucket"`
	Key    string `json:"key" validate:"required,max=1023" doc:"The object"`
}

// uploadsOut is what became of uploads.
type uploadsOut struct {
	Items []uploadOut `json:"items"`
}

// uploadOut is what became of one upload.
type uploadOut struct {
	// Bucket of the object.
	Bucket string `json:"bucket"`
	// Key of the object.
	Key string `json:"key"`
	// Rule that it matches; left out: none.
	Rule string `json:"rule,omitempty"`
	// ID is that of the import which it is; left out: there is none.
	ID string `json:"id,omitempty"`
	// State of the import; left out: it is only planned, or there is none.
	State work.State `json:"state,omitempty"`
	// Digest is that of the plan, where it is only planned.
	Digest string `json:"digest,omitempty"`
	// Again is when it is looked at once more, where something kept it from being.
	Again *time.Time `json:"again,omitempty"`
	// Reasons tell why this, and why nothing.
	Reasons []image.Reason `json:"reasons"`
}

// lastWords is how long before its deadline a call no longer tells people.
const lastWords = 2 * time.Second

// uploaded answers to changes of objects that OSS tells of. They come at least once,
// late, and in any order: what is there now counts, and each of it once.
func (h handler) uploaded(ctx context.Context, call function.Call, changed []function.Object) (uploadsOut, error) {
	all := make([]upload, len(changed))
	for n, o := range changed {
		all[n] = upload{Bucket: o.Bucket, Key: o.Key, Event: o.Event, Bytes: o.Bytes}
	}
	return h.judge(ctx, call, all)
}

// uploadedNow answers to who names an object that is there.
func (h handler) uploadedNow(ctx context.Context, call function.Call, in uploadInput) (uploadsOut, error) {
	info, err := h.objects(call).Head(ctx, in.Bucket, in.Key)
	if err != nil {
		return uploadsOut{}, err
	}
	return h.judge(ctx, call, []upload{{Bucket: in.Bucket, Key: in.Key, Bytes: info.Size}})
}

// upload is an object that was written, as it is remembered where something keeps
// it from being looked at.
type upload struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Event is empty where somebody named the object.
	Event string `json:"event,omitempty"`
	Bytes int64  `json:"bytes"`
	// Tries is how often it was looked at.
	Tries int `json:"tries,omitempty"`
}

// judge does with uploads what the rules say, and tells people.
func (h handler) judge(ctx context.Context, call function.Call, all []upload) (uploadsOut, error) {
	s, err := h.session(call)
	if err != nil {
		return uploadsOut{}, err
	}
	out := uploadsOut{Items: []uploadOut{}}
	var failures []error
	for _, u := range all {
		one, err := s.upload(ctx, u)
		failures = append(failures, err)
		out.Items = append(out.Items, one)
		reason := one.Reasons[len(one.Reasons)-1]
		call.Log.Info("upload", "bucket", u.Bucket, "key", u.Key, "event", u.Event, "rule", one.Rule, "import", one.ID, "state", string(one.State), "code", reason.Code, "reason", reason.Sentence)
	}
	if box := s.box(); box != nil {
		failures = append(failures, notices.Deliver(ctx, call, *box, s.deadline.Add(-lastWords)))
	}
	return out, errors.Join(failures...)
}

// box keeps the notices of a call; nil: nobody is told.
func (s *session) box() *outbox.Outbox {
	if s.told == nil {
		return nil
	}
	box := s.told.Box(s.journal, s.kept, s.handler.worker(), s.now)
	return &box
}

// tell puts a notice, for the targets that are named.
func (s *session) tell(ctx context.Context, n notify.Notice, to []string) error {
	box := s.box()
	if box == nil {
		return nil
	}
	n.At, n.Function = s.now(), "import"
	_, err := box.Put(ctx, n, to)
	return err
}

// upload does with one upload what the rules say. What only keeps it from being done
// now is remembered, and looked at again.
func (s *session) upload(ctx context.Context, u upload) (uploadOut, error) {
	out := uploadOut{Bucket: u.Bucket, Key: u.Key}
	no := func(code, sentence string, args ...any) (uploadOut, error) {
		out.Reasons = append(out.Reasons, image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)})
		return out, nil
	}
	if u.Event != "" && !importing.Uploads(u.Event) {
		return no("otherEvent", "%s says of no file that it is complete", u.Event)
	}
	d := s.book.Load(ctx, s.objects(s.call))
	if d.Source == "" {
		return no(importing.CodeNoRules, "IMPORT_RULES names no rules")
	}
	if !d.Usable() {
		out.Reasons = append(out.Reasons, image.Reason{Code: "rulesBroken", Sentence: "nothing is begun by rules that cannot be used: " + d.Flaws[0].String()})
		return out, errors.Join(s.tell(ctx, s.book.Broken(d, s.now()), nil), s.later(ctx, u, d.ETag == "", &out))
	}
	v := d.Rules.Match(importing.Uploaded{Bucket: u.Bucket, Key: u.Key, Bytes: u.Bytes}, s.outputs())
	out.Reasons = v.Reasons
	if v.Rule == nil {
		return out, nil
	}
	out.Rule = v.Rule.Name
	err := s.begin(ctx, d, v, &out)
	if err == nil {
		return out, nil
	}
	kind := fault.Of(err)
	out.Reasons = append(out.Reasons, image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)})
	again := kind == fault.Unavailable || kind == fault.Throttled || kind == fault.Unknown
	return out, s.later(ctx, u, again, &out)
}

// begin plans what a rule wishes, and does it as far as the rule and this deployment
// say.
func (s *session) begin(ctx context.Context, d rules.Document[importing.Rules], v importing.Verdict, out *uploadOut) error {
	document, err := s.plan(ctx, v.Wish)
	if err != nil {
		return err
	}
	document.Notify = v.Rule.Notify
	out.ID = document.WorkID()
	switch w, err := s.imports().Get(ctx, out.ID); {
	case err == nil:
		out.State = w.State
		out.Reasons = append(out.Reasons, image.Reason{Code: "alreadyImported", Sentence: "import " + out.ID + " is of this object already"})
		return nil
	case !errors.Is(err, fault.NotFound):
		return err
	}
	for _, f := range findings(document) {
		switch f.Code {
		case "objectNotFound": // deleted since, or replaced by something that tells of itself
			out.ID, out.Reasons = "", append(out.Reasons, f.Reason)
			return nil
		case "objectUnread", "bucketRegionUnknown":
			out.ID = ""
			return fault.New(fault.Unavailable, "%s", f.Sentence).WithCode(f.Code)
		}
	}
	out.Digest = document.Plan.Plan().Digest()
	if v.Rule.Apply && !s.config.Of("import") {
		w, err := s.kind().Enact(ctx, s.call, document, d.Approver(v.Rule.Name))
		if fault.Of(err) == fault.Precondition {
			return s.refused(ctx, document, v, err, out)
		}
		if err == nil {
			out.State, out.Digest = w.State, ""
		}
		return err
	}
	if err := s.kind().Offer(ctx, s.call, document); err != nil {
		return err
	}
	out.Reasons = append(out.Reasons, image.Reason{Code: "onlyPlanned", Sentence: "the plan is stored; nothing is done until somebody applies it"})
	return s.tell(ctx, s.planned(document, v, notify.Planned), v.Rule.Notify)
}

// refused tells that a rule's plan must not be carried out.
func (s *session) refused(ctx context.Context, document work.Document, v importing.Verdict, why error, out *uploadOut) error {
	out.ID = ""
	out.Reasons = append(out.Reasons, image.Reason{Code: fault.Code(why), Sentence: fault.Sentence(why)})
	return s.tell(ctx, s.planned(document, v, notify.Failed), v.Rule.Notify)
}

// planned is the notice of a plan that a rule made.
func (s *session) planned(document work.Document, v importing.Verdict, kind notify.Kind) notify.Notice {
	digest := document.Plan.Plan().Digest()
	n := notify.Notice{
		ID: notify.IDOf("import", string(kind), digest), Kind: kind, Subject: v.Wish.Image.Name,
		Items: []notify.Item{{Name: v.Wish.Source.Object.Key, Code: v.Rule.Name, Sentence: "digest " + digest}},
	}
	for _, f := range findings(document) {
		n.Items = append(n.Items, notify.Item{Name: string(f.Level), Code: f.Code, Sentence: f.Sentence})
	}
	return n
}

// findings are what the plan of a document objects to.
func findings(document work.Document) []image.Finding {
	var shown works.Shown
	_ = json.Unmarshal(document.Shown, &shown) // one that shows nothing has none
	return shown.Findings
}

// outputs are where this deployment writes.
func (h handler) outputs() []importing.Prefix {
	if h.config.Journal.Bucket == "" {
		return nil
	}
	return []importing.Prefix{{Bucket: h.config.Journal.Bucket, Key: h.config.Journal.Prefix}}
}

// uploadFolder holds the uploads that are looked at again, by the time when.
const uploadFolder = "uploads/"

// uploadStamp is a time as the names there have it, in order.
const uploadStamp = "2006-01-02T15:04:05Z"

// mostTries is how often an upload is looked at: for about a day.
const mostTries = 30

// later remembers an upload, if that can help: it is looked at again after a minute,
// after two, four, and so on up to an hour.
func (s *session) later(ctx context.Context, u upload, helps bool, out *uploadOut) error {
	if u.Tries++; !helps || u.Tries >= mostTries {
		return nil
	}
	at := s.now().UTC().Add(min(time.Minute<<min(u.Tries-1, 6), time.Hour)).Truncate(time.Second)
	text, err := json.Marshal(u)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "an upload cannot be written as JSON")
	}
	sum := sha256.Sum256(text)
	out.Again = &at
	return s.kept.Keep(ctx, uploadFolder+at.Format(uploadStamp)+"/"+hex.EncodeToString(sum[:12])+".json", text)
}

// work carries imports on, after the uploads that are to be looked at again.
func (h handler) work(ctx context.Context, call function.Call, tick function.Tick) (workReport, error) {
	if err := h.again(ctx, call); err != nil {
		call.Log.Error("uploads failed", "code", fault.Code(err), "error", err)
	}
	if tick.At.Minute() == sweepMinute {
		if err := h.sweep(ctx, call); err != nil {
			call.Log.Error("sweep failed", "code", fault.Code(err), "error", err)
		}
	}
	return h.carry(ctx, call, tick)
}

// readUpload reads what is remembered of an upload. What cannot be read stays where it
// is, and is told of each time.
func readUpload(name string, text []byte, u *upload) error {
	if err := json.Unmarshal(text, u); err != nil {
		return fault.Wrap(fault.Unknown, err, "what %s remembers of an upload cannot be read, and is kept", name).WithCode("journalDamaged")
	}
	return nil
}

// again looks once more at uploads that something kept from being looked at.
func (h handler) again(ctx context.Context, call function.Call) error {
	s, err := h.session(call)
	if err != nil || !h.book.Given() {
		return err
	}
	names, err := s.kept.Names(ctx, uploadFolder, uploadFolder+s.now().UTC().Format(uploadStamp)+"~") // ~ comes after every word
	for _, name := range names {
		text, failure := s.kept.Kept(ctx, name)
		var u upload
		if failure == nil {
			failure = readUpload(name, text, &u)
		}
		if failure == nil {
			_, failure = h.judge(ctx, call, []upload{u})
		}
		if failure == nil {
			failure = s.kept.Drop(ctx, name)
		}
		err = errors.Join(err, failure)
	}
	return err
}
