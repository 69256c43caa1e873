package cloudsim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Limits of launch templates.
const (
	templatesPerRegion  = 30
	versionsPerTemplate = 30
)

// TemplateName names a launch template of a region by id, else by name.
type TemplateName struct {
	RegionID image.RegionID
	ID, Name string
}

// TemplateData is what a version of a launch template launches. None of it is
// checked for existence.
type TemplateData struct {
	Image          image.ID
	InstanceType   image.InstanceTypeID
	SystemDisk     NewDisk
	DataDisks      []NewDisk
	SecurityGroups []string
	Tags           []Tag
	Further        map[string]string
}

// check refuses data that no version can have.
func (d TemplateData) check() error {
	data := d.Further["UserData"]
	host := d.Further["HostName"]
	if host != "" && !hostNamed(host) {
		return malformed(400, "InvalidHostName.Malformed", "The specified parameter HostName is not valid.")
	}
	return cmp.Or(checkUserData(&data), checkNewTags(d.Tags))
}

// CreateLaunchTemplateRequest are the parameters of CreateLaunchTemplate.
type CreateLaunchTemplateRequest struct {
	RegionID    image.RegionID
	Name        string
	Description string
	// Tags are those of the template itself.
	Tags []Tag
	Data TemplateData
}

// templateNamed: 2 to 128 characters, a letter first, not beginning as a URL;
// source: CreateLaunchTemplate LaunchTemplateName.
func templateNamed(name string) bool {
	n := utf8.RuneCountInString(name)
	return n >= 2 && n <= 128 && wellNamed(strings.ReplaceAll(name, " ", "-"))
}

// CreateLaunchTemplate makes a launch template with one version, its default, and
// returns its id. Refusals: MissingParameter, InvalidRegion.NotExist,
// InvalidLaunchTemplateName.Malformed, LaunchTemplateName.Duplicated,
// LaunchTemplateLimitExceed, InvalidUserData.*, InvalidHostName.Malformed.
func (s *Session) CreateLaunchTemplate(req CreateLaunchTemplateRequest) (string, error) {
	if err := s.permit("CreateLaunchTemplate"); err != nil {
		return "", err
	}
	if err := cmp.Or(checkTemplateRegion(req.RegionID), req.Data.check(), checkNewTags(req.Tags)); err != nil {
		return "", err
	}
	switch {
	case req.Name == "":
		return "", missing("LaunchTemplateName")
	case !templateNamed(req.Name):
		return "", malformed(400, "InvalidLaunchTemplateName.Malformed", "The specified LaunchTemplateName is not valid.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	own := listedOf(&r.references.templates, s.caller.Account, func(*templateState) bool { return true })
	switch {
	case slices.ContainsFunc(own, func(t *templateState) bool { return t.row.Name == req.Name }):
		return "", refuseAs(fault.Conflict, 403, "LaunchTemplateName.Duplicated", "The launch template name is used already.")
	case len(own) >= templatesPerRegion:
		return "", overQuota(403, "LaunchTemplateLimitExceed", "The launch template quota exceeds.")
	}
	at := now.Truncate(time.Second)
	row := LaunchTemplateRow{
		ID: c.random.id("lt", r.infix), Name: req.Name, CreatedBy: s.caller.Account, CreatedAt: at, Tags: tagMap(req.Tags),
	}
	state := &templateState{row: row}
	state.addVersion(r, s.caller.Account, req.Description, req.Data, now)
	state.choose(1)
	enter(&r.references.templates, row.ID, s.caller.Account, at, state, now)
	return row.ID, nil
}

// addVersion adds the next version.
func (t *templateState) addVersion(r *region, account image.AccountID, description string, data TemplateData, now time.Time) {
	t.row.Latest++
	at := now.Truncate(time.Second)
	t.row.ModifiedAt = at
	t.versions = append([]TemplateVersionRow{{
		TemplateVersion: image.TemplateVersion{Region: r.id, Template: t.row.ID, Name: t.row.Name, Version: t.row.Latest, Image: data.Image, Description: description},
		CreatedAt:       at, InstanceType: data.InstanceType, ImageAlias: r.alias(data.Image, account),
		SystemDisk: data.SystemDisk, DataDisks: slices.Clone(data.DataDisks), SecurityGroups: slices.Clone(data.SecurityGroups),
		Tags: slices.Clone(data.Tags), Further: maps.Clone(data.Further),
	}}, t.versions...)
}

// choose makes a version the default one; false: there is none of that number.
func (t *templateState) choose(number int) bool {
	if !slices.ContainsFunc(t.versions, func(v TemplateVersionRow) bool { return v.Version == number }) {
		return false
	}
	t.row.Default = number
	t.versions = slices.Clone(t.versions)
	for i := range t.versions {
		t.versions[i].Default = t.versions[i].Version == number
	}
	return true
}

// CreateLaunchTemplateVersionRequest are the parameters of
// CreateLaunchTemplateVersion: all of the data, nothing is taken from a version
// before.
type CreateLaunchTemplateVersionRequest struct {
	Template    TemplateName
	Description string
	Data        TemplateData
}

// CreateLaunchTemplateVersion adds a version and returns its template and number;
// the default stays. Refusals: MissingParameter, InvalidRegion.NotExist,
// InvalidLaunchTemplate.NotFound, LaunchTemplateVersionLimitExceed,
// InvalidUserData.*, InvalidHostName.Malformed.
func (s *Session) CreateLaunchTemplateVersion(req CreateLaunchTemplateVersionRequest) (template string, version int, err error) {
	err = s.amendTemplate("CreateLaunchTemplateVersion", req.Template, func(r *region, t *templateState, now time.Time) error {
		if err := req.Data.check(); err != nil {
			return err
		}
		if len(t.versions) >= versionsPerTemplate {
			return overQuota(403, "LaunchTemplateVersionLimitExceed", "The launch template version quota exceeds.")
		}
		t.addVersion(r, s.caller.Account, req.Description, req.Data, now)
		template, version = t.row.ID, t.row.Latest
		return nil
	})
	return template, version, err
}

// amendTemplate changes one of the caller's launch templates.
func (s *Session) amendTemplate(operation string, name TemplateName, change func(*region, *templateState, time.Time) error) error {
	if err := s.permit(operation); err != nil {
		return err
	}
	if err := checkTemplateRegion(name.RegionID); err != nil {
		return err
	}
	if name.ID == "" && name.Name == "" {
		return missing("LaunchTemplateId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[name.RegionID], c.now()
	state := r.template(s.caller.Account, name.ID, name.Name)
	if state == nil {
		return refuse(404, "InvalidLaunchTemplate.NotFound", "The specified LaunchTemplate is not found.")
	}
	next := *state
	if err := change(r, &next, now); err != nil {
		return err
	}
	e, _ := r.references.templates.live(next.row.ID)
	if len(next.versions) == 0 {
		r.references.templates.put(e, nil, now, now)
		r.references.templates.settle(now)
		return nil
	}
	r.references.templates.put(e, &next, now, now)
	return nil
}

// ModifyLaunchTemplateDefaultVersion makes another version the default one, and
// returns the template's id. Refusals: MissingParameter, InvalidRegion.NotExist,
// InvalidLaunchTemplate.NotFound, InvalidLaunchTemplateVersion.NotFound.
func (s *Session) ModifyLaunchTemplateDefaultVersion(name TemplateName, version int) (template string, err error) {
	err = s.amendTemplate("ModifyLaunchTemplateDefaultVersion", name, func(_ *region, t *templateState, now time.Time) error {
		if version == 0 {
			return missing("DefaultVersionNumber")
		}
		if !t.choose(version) {
			return unknownVersion()
		}
		t.row.ModifiedAt, template = now.Truncate(time.Second), t.row.ID
		return nil
	})
	return template, err
}

func unknownVersion() error {
	return refuse(404, "InvalidLaunchTemplateVersion.NotFound", "The specified LaunchTemplateVersion is not found.")
}

// DeleteLaunchTemplateVersion deletes 1 to 29 versions, all or none, and returns
// the template's id. Refusals: MissingParameter, InvalidRegion.NotExist,
// InvalidParameter, InvalidLaunchTemplate.NotFound,
// InvalidLaunchTemplateVersion.NotFound, InvalidOperation.DeleteDefaultVersion.
func (s *Session) DeleteLaunchTemplateVersion(name TemplateName, versions []int) (template string, err error) {
	err = s.amendTemplate("DeleteLaunchTemplateVersion", name, func(_ *region, t *templateState, now time.Time) error {
		switch {
		case len(versions) == 0:
			return missing("DeleteVersion.1")
		case len(versions) >= versionsPerTemplate:
			return malformed(400, "InvalidParameter", "The specified parameter DeleteVersion names more than 29.")
		case slices.Contains(versions, t.row.Default):
			return wrongState(403, "InvalidOperation.DeleteDefaultVersion", "The default version cannot be deleted.")
		}
		left := slices.DeleteFunc(slices.Clone(t.versions), func(v TemplateVersionRow) bool { return slices.Contains(versions, v.Version) })
		if len(left)+len(versions) != len(t.versions) {
			return unknownVersion()
		}
		t.versions, t.row.ModifiedAt, template = left, now.Truncate(time.Second), t.row.ID
		return nil
	})
	return template, err
}

// DeleteLaunchTemplate deletes a launch template with all versions, and returns
// its id and theirs, newest first. Refusals: MissingParameter,
// InvalidRegion.NotExist, InvalidLaunchTemplate.NotFound.
func (s *Session) DeleteLaunchTemplate(name TemplateName) (template string, versions []int, err error) {
	err = s.amendTemplate("DeleteLaunchTemplate", name, func(_ *region, t *templateState, _ time.Time) error {
		for _, v := range t.versions {
			versions = append(versions, v.Version)
		}
		t.versions, template = nil, t.row.ID
		return nil
	})
	return template, versions, err
}
