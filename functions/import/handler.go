package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/function/rulebook"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/work"
)

// handler is built once and only read afterwards.
type handler struct {
	config config
	// accounts are those to work in, our own first.
	accounts func(call function.Call) []account
	// objects reads the sources of imports.
	objects func(call function.Call) store
	// book has the rules of what is imported by itself.
	book *rulebook.Book[importing.Rules]
	// told are those who hear of imports; nil: nobody does.
	told *notices.Notices
	// journal is where this call's changes are recorded, and what is kept beside.
	journal func(call function.Call) (*journal.Journal, journal.Documents, error)
	now     func() time.Time
	// pause waits; it ends early with the context's error.
	pause func(ctx context.Context, d time.Duration) error
	// notAfter has the cloud itself refuse calls that come late; nil: nothing can.
	notAfter func(ctx context.Context, t time.Time) context.Context
	// worker names an event, unlike any other.
	worker func() string
}

// open reads the configuration and wires import to Alibaba Cloud.
func open(look function.Lookup) (*function.Function, error) {
	config, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	as, err := places.Open("import", look, config.Places, config.Quotas, config.Roles)
	if err != nil {
		return nil, err
	}
	sources, err := objects(as, config.Storage)
	if err != nil {
		return nil, err
	}
	told, err := config.Open("import", look, os.ReadFile)
	if err != nil {
		return nil, err
	}
	book, err := config.openRules(os.ReadFile, told)
	if err != nil {
		return nil, err
	}
	store, err := ledger.OpenStore(config.Journal, config.Storage, as)
	if err != nil {
		return nil, err
	}
	h := handler{
		config: config, accounts: owners(as), objects: sources, book: book, told: told, journal: store.Open, now: time.Now, pause: function.Pause,
		notAfter: alicloud.NotAfter, worker: rand.Text,
	}
	return h.function(), nil
}

// function returns the operations.
func (h handler) function() *function.Function {
	imports, exports := h.kind(), h.exporting()
	begins := []int{http.StatusOK, http.StatusAccepted}
	place := map[string]string{"Location": "The work that goes on in the background"}
	operations := []function.Operation{
		function.Handle(function.Spec{
			Name: "imports.post", Pattern: "POST /imports", Role: function.Viewer, ApplyRole: function.Operator,
			Summary: "Make an image of an object, an instance, snapshots or another image: plan, or apply a plan by its digest",
			Success: begins, Fails: []fault.Kind{fault.NotFound}, Tells: []fault.Kind{fault.Conflict, fault.Precondition}, Headers: place,
		}, h.postImport),
		function.Handle(function.Spec{
			Name: "exports.post", Pattern: "POST /exports", Role: function.Viewer, ApplyRole: function.Operator,
			Summary: "Write an image into a bucket of its region: plan, or apply a plan by its digest",
			Success: begins, Fails: []fault.Kind{fault.NotFound}, Tells: []fault.Kind{fault.Conflict, fault.Precondition}, Headers: place,
		}, h.postExport),
		imports.Cancel(cancellable), exports.Cancel(nil),
		function.Handle(function.Spec{
			Name: "imports.uploaded", Role: function.Operator, Fails: []fault.Kind{fault.NotFound},
			Summary: "Do with an object that is there what the rules say of uploads",
		}, h.uploadedNow),
		function.OnObjects(h.uploaded),
		function.OnTimer("*", h.work), // called worker in s.yaml; elsewhere the platform names it
	}
	operations = append(operations, imports.Reads()...)
	operations = append(operations, exports.Reads()...)
	operations = append(operations,
		function.Handle(function.Spec{
			Name: "releases.get", Pattern: "GET /releases/{family}", Role: function.Viewer,
			Summary: "Which image of a family is candidate and which is stable, per region, and which were", Fails: []fault.Kind{fault.NotFound},
		}, h.getReleases),
		function.Handle(doing(function.Spec{
			Name: "attributes.patch", Pattern: "PATCH /attributes/{imageId}",
			Summary: "Change name, description, deprecation, boot mode, resource group and tags of an image: plan, or apply a plan by its digest",
		}), h.patchAttributes),
		function.Handle(doing(function.Spec{
			Name: "releases.put", Pattern: "PUT /releases/{family}",
			Summary: "Make images those of a channel: plan, or apply a plan by its digest",
		}), h.putRelease),
	)
	return function.New("import", operations...).With(shapes()...).Reads(h.document())
}

// kind is how imports are told.
func (h handler) kind() works.Kind[stepOut, itemOut] {
	return works.Kind[stepOut, itemOut]{
		Name: "imports", Role: function.Operator, Step: newStep, Item: newItem, Notices: h.told, Subject: importing.Subject,
		Runner: h.runs((*session).imports),
	}
}

// cancellable refuses to take an image back that somebody may have got.
func cancellable(w work.Work) error {
	if importing.Released(w) {
		return fault.New(fault.Conflict, "import %s was shared, copied or released already: its images go through cleanup", w.ID).WithCode("alreadyReleased")
	}
	return nil
}
