package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/usage"
)

// families are names of families, or globs; one alone may stand for itself.
type families []image.Family

// UnmarshalJSON reads a list, or one name.
func (f *families) UnmarshalJSON(b []byte) error {
	var one image.Family
	if json.Unmarshal(b, &one) == nil {
		*f = families{one}
		return nil
	}
	var all []image.Family
	if err := json.Unmarshal(b, &all); err != nil || len(all) == 0 {
		return fault.New(fault.Invalid, "must be a list of families, or the name of one")
	}
	*f = all
	return nil
}

// JSONSchema is the form of what UnmarshalJSON reads, as JSON Schema 2020-12.
func (families) JSONSchema() map[string]any {
	one := map[string]any{"type": "string", "minLength": 1}
	return map[string]any{"oneOf": []any{one, map[string]any{"type": "array", "items": one, "minItems": 1, "maxItems": 20}}}
}

// selectInput chooses instances, by the parameters of GET /instances.
type selectInput struct {
	ID            []image.InstanceID     `json:"id,omitempty" validate:"omitempty,min=1,max=2000,unique,dive,instanceid" doc:"Instances by id"`
	Image         []image.ID             `json:"image,omitempty" validate:"omitempty,min=1,max=100,dive,imageid" doc:"Images that the system disk runs"`
	Family        families               `json:"family,omitempty" validate:"omitempty,min=1,max=20,dive,families" doc:"Families of that image: names, or globs with * and ?"`
	Behind        *int                   `json:"behind,omitempty" validate:"omitempty,min=0,max=10000" doc:"At least so many versions behind; what is not known is no match"`
	Tag           map[string]string      `json:"tag,omitempty" validate:"omitempty,min=1,max=20,dive,keys,tagkey,endkeys,max=256" doc:"Tags of the instance that must all be there; an empty value: the key is there"`
	Type          []image.InstanceTypeID `json:"instanceType,omitempty" validate:"omitempty,min=1,max=50,dive,instancetype" doc:"Types of the instance"`
	System        string                 `json:"osName,omitempty" validate:"omitempty,max=128" doc:"A part of the full name of its system, such as CentOS 7, in whatever case"`
	EndsBefore    time.Time              `json:"endOfLifeBefore,omitzero" doc:"Only systems that get no updates any more at that time; what is not known is no match"`
	Region        []image.RegionID       `json:"region,omitempty" validate:"omitempty,min=1,max=100,dive,regionid" doc:"Regions to look at"`
	Account       []image.AccountID      `json:"account,omitempty" validate:"omitempty,min=1,max=100,dive,accountid" doc:"Accounts to look at"`
	DescendantsOf image.ID               `json:"descendantsOf,omitempty" validate:"omitempty,imageid" doc:"Everything that runs this image, or one that was made from it, as far as that is recorded or observed; what is only inferred selects nothing"`
	All           bool                   `json:"all,omitempty" doc:"true: every instance of the places that are looked at"`
	Exclude       *excludeInput          `json:"exclude,omitempty" doc:"What is left out of that"`
}

// excludeInput leaves instances out: those that have any of it.
type excludeInput struct {
	ID     []image.InstanceID `json:"id,omitempty" validate:"omitempty,min=1,max=2000,unique,dive,instanceid" doc:"Instances by id"`
	Image  []image.ID         `json:"image,omitempty" validate:"omitempty,min=1,max=100,dive,imageid" doc:"Images that the system disk runs"`
	Family families           `json:"family,omitempty" validate:"omitempty,min=1,max=20,dive,families" doc:"Families of that image"`
	Tag    map[string]string  `json:"tag,omitempty" validate:"omitempty,min=1,max=20,dive,keys,tagkey,endkeys,max=256" doc:"Tags of the instance, any of them"`
}

// check refuses a selection that selects nothing, or everything by accident.
func (in selectInput) check() error {
	chosen := in.some() > 0 || in.Behind != nil
	switch {
	case in.All && chosen:
		return fault.InField("select.all", "contradiction", "does not go with what selects some")
	case in.Exclude.empty():
		return fault.InField("select.exclude", "emptyValue", "excludes nothing; give it a value, or leave it out")
	case !in.All && in.some() == 0 && in.Behind != nil && *in.Behind == 0:
		return fault.InField("select.behind", "noEffect", "is 0, by which nothing is left out; say how many versions behind at least, or \"all\": true")
	case !in.All && !chosen:
		return fault.InField("select", "required", "selects nothing: name instances, images, families, tags or descendantsOf, or say \"all\": true")
	}
	return nil
}

// some is how much is said that selects some instances, beside how far behind they are.
func (in selectInput) some() int {
	n := len(in.ID) + len(in.Image) + len(in.Family) + len(in.Tag) + len(in.Type) + len(in.System) + len(in.DescendantsOf)
	if !in.EndsBefore.IsZero() {
		n++
	}
	return n
}

// filter is the same for the list of instances. Ids are looked for by themselves.
func (in selectInput) filter() usage.Filter {
	return usage.Filter{
		IDs: in.ID, Images: in.Image, Families: in.Family, Behind: in.Behind, Tags: in.Tag,
		Types: in.Type, System: in.System, EndsBefore: in.EndsBefore,
	}
}

// empty reports whether it was given and says nothing.
func (in *excludeInput) empty() bool {
	return in != nil && len(in.ID)+len(in.Image)+len(in.Family)+len(in.Tag) == 0
}

// excludes reports whether an instance is left out.
func (in *excludeInput) excludes(s usage.Server) bool {
	if in == nil {
		return false
	}
	for _, id := range in.ID {
		if id == s.ID {
			return true
		}
	}
	for _, id := range in.Image {
		if id == s.Instance.Image {
			return true
		}
	}
	for key, value := range in.Tag {
		if has, ok := s.Tags[key]; ok && (value == "" || has == value) {
			return true
		}
	}
	return len(in.Family) > 0 && s.Image != nil && s.Image.InFamilies(in.Family)
}

// hints are what may have been meant by a selection that no instance is left of:
// servers are those before exclude.
func (in selectInput) hints(found usage.Found, servers []usage.Server) []image.Reason {
	switch {
	case len(servers) > 0:
		return []image.Reason{{Code: "allExcluded", Sentence: fmt.Sprintf("exclude leaves out all %d instances that are selected", len(servers))}}
	case len(found.Servers) > 0:
		return []image.Reason{{Code: "passedOver", Sentence: fmt.Sprintf("%d instances were passed over: none is known to run %s, or an image that was made from it", len(found.Servers), in.DescendantsOf)}}
	}
	return found.Hints
}

// idle says which words of it leave out none of the instances that are selected.
func (in *excludeInput) idle(servers []usage.Server, absent []image.InstanceID) []image.Reason {
	if in == nil || len(servers)+len(absent) == 0 {
		return nil
	}
	var idle []image.Reason
	try := func(word, value string, only excludeInput) {
		if slices.ContainsFunc(servers, only.excludes) || slices.ContainsFunc(absent, func(id image.InstanceID) bool { return excluded(&only, id) }) {
			return
		}
		idle = append(idle, image.Reason{Code: "excludesNothing", Sentence: fmt.Sprintf("select.exclude.%s: %s leaves out none of the instances that are selected", word, value)})
	}
	for _, id := range in.ID {
		try("id", string(id), excludeInput{ID: []image.InstanceID{id}})
	}
	for _, id := range in.Image {
		try("image", string(id), excludeInput{Image: []image.ID{id}})
	}
	for _, family := range in.Family {
		try("family", string(family), excludeInput{Family: families{family}})
	}
	for _, key := range slices.Sorted(maps.Keys(in.Tag)) {
		try("tag", key, excludeInput{Tag: map[string]string{key: in.Tag[key]}})
	}
	return idle
}

// rolloutInput is a rollout, and perhaps the word to carry it out.
type rolloutInput struct {
	Select selectInput `json:"select" doc:"Which instances"`
	rollout.Wish
	works.Request
}

// partInput is a part of a rollout.
type partInput struct {
	ID []image.InstanceID `json:"id" validate:"required,min=1,max=2000,unique,dive,instanceid" doc:"Only these instances of the rollout"`
}

// terms are what an undo or a retry may have other than its rollout.
type terms struct {
	Select   *partInput        `json:"select,omitempty" query:"-" doc:"Which part of the rollout; all of it if left out"`
	Strategy *rollout.Strategy `json:"strategy,omitempty" query:"-" doc:"How many at once, when, and how much may go wrong; as in the rollout if left out"`
	Health   []rollout.Probe   `json:"health,omitempty" query:"-" validate:"omitempty,min=1,max=10,dive" doc:"When an instance counts as well; as in the rollout if left out"`
	rollout.Even
	works.Request
}

// undoInput undoes a rollout.
type undoInput struct {
	ID string `json:"id" validate:"required,workid" doc:"The rollout"`
	To string `json:"to,omitempty" query:"-" validate:"omitempty,oneof=previousImage" doc:"previousImage: the old image instead of the backup"`
	terms
}

// retryInput tries a rollout again.
type retryInput struct {
	ID string `json:"id" validate:"required,workid" doc:"The rollout"`
	terms
}

// wish is that of the rollout with what is asked for instead.
func (t terms) wish(of rollout.Wish) (rollout.Wish, error) {
	if t.Strategy != nil {
		if reflect.ValueOf(*t.Strategy).IsZero() {
			return of, fault.InField("strategy", "emptyValue", "is empty; give it a value, or leave it out")
		}
		of.Strategy = *t.Strategy
	}
	if t.Health != nil {
		of.Health = t.Health
	}
	of.Managed, of.MayNotStart, of.UndoLimited = of.Managed || t.Managed, of.MayNotStart || t.MayNotStart, of.UndoLimited || t.UndoLimited
	return of.Filled(), of.Check()
}

// has reports whether a part has an instance.
func (in *partInput) has(id image.InstanceID) bool {
	if in == nil {
		return true
	}
	for _, one := range in.ID {
		if one == id {
			return true
		}
	}
	return false
}
