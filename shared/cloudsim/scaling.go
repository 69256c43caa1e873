package cloudsim

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// ScalingMember is an instance of a scaling group, as DescribeScalingInstances
// shows it.
type ScalingMember struct {
	Instance      image.InstanceID
	Group         string
	Configuration string
	// State is InService or Standby.
	State string
	// Attached: it was attached by hand, else made by the group.
	Attached  bool
	CreatedAt time.Time
	// Healthy is worked out when it is shown.
	Healthy bool
	Type    image.InstanceTypeID
	Zone    image.ZoneID
}

// The states of members.
const (
	inService = "InService"
	standby   = "Standby"
)

// groupTag is on instances that are in a scaling group.
const groupTag = "acs:autoscaling:scalingGroupId"

// unhealthyFor is how long an instance in service may be down before its group
// takes it for broken and releases it; the vendor names no time.
const unhealthyFor = 5 * time.Minute

// ScalingSource is what a group starts instances from: a configuration, or a
// version of a launch template.
type ScalingSource struct{ Configuration, TemplateID, TemplateVersion string }

// CreateScalingGroupRequest are the parameters of CreateScalingGroup, and of
// ModifyScalingGroup with Group set; negative sizes and empty texts: unchanged.
type CreateScalingGroupRequest struct {
	RegionID    image.RegionID
	Group       string
	Name        string
	Least, Most int
	Source      ScalingSource
}

// CreateScalingGroup makes a scaling group, Inactive and empty, and returns its
// id. Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidParameter,
// InvalidParameter.Conflict, InvalidScalingGroupName.Duplicate,
// LaunchTemplateSet.NotFound, LaunchTemplateVersionSet.NotFound,
// TemplateMissingParameter.ImageId, TemplateVersion.NotNumber.
func (s *Session) CreateScalingGroup(req CreateScalingGroupRequest) (string, error) {
	if err := s.permitESS("CreateScalingGroup"); err != nil {
		return "", err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	row := ScalingGroupRow{
		ID: c.random.id("asg", r.infix), Region: r.id, Least: req.Least, Most: req.Most,
		TemplateID: req.Source.TemplateID, CreatedAt: now.Truncate(time.Minute), ModifiedAt: now.Truncate(time.Minute),
	}
	row.Name = cmp.Or(req.Name, row.ID)
	if row.TemplateID != "" {
		row.TemplateVersion = cmp.Or(req.Source.TemplateVersion, "Default")
	}
	if err := r.checkGroup(s.caller.Account, row); err != nil {
		return "", err
	}
	enter(&r.references.groups, row.ID, s.caller.Account, row.CreatedAt, &groupState{row}, now)
	return row.ID, nil
}

// checkGroup refuses a group that cannot be.
func (r *region) checkGroup(account image.AccountID, row ScalingGroupRow) error {
	others := listedOf(&r.references.groups, account, func(g *groupState) bool { return g.row.Name == row.Name && g.row.ID != row.ID })
	switch {
	case row.Least < 0 || row.Most < 0 || row.Most > 2000:
		return malformed(400, "InvalidParameter", "The specified value of parameter MinSize or MaxSize is not valid.")
	case row.Least > row.Most:
		return malformed(400, "InvalidParameter.Conflict", "The value of parameter MinSize must not be greater than that of MaxSize.")
	case len(others) > 0:
		return refuseAs(fault.Conflict, 400, "InvalidScalingGroupName.Duplicate", "The specified value of parameter ScalingGroupName is duplicated.")
	case row.TemplateID == "":
		return nil
	}
	return r.checkTemplateSource(account, row.TemplateID, row.TemplateVersion)
}

// checkTemplateSource refuses a launch template that nothing can be started from.
func (r *region) checkTemplateSource(account image.AccountID, id, version string) error {
	t := r.template(account, id, "")
	if t == nil {
		return refuseAs(fault.NotFound, 400, "LaunchTemplateSet.NotFound", "The launch template set is not found.")
	}
	number, err := strconv.Atoi(version)
	switch {
	case version == "Default":
		number = t.row.Default
	case version == "Latest":
		number = t.row.Latest
	case err != nil:
		return malformed(400, "TemplateVersion.NotNumber", "The specified value of parameter LaunchTemplateVersion is not a number.")
	}
	at := slices.IndexFunc(t.versions, func(v TemplateVersionRow) bool { return v.Version == number })
	switch {
	case at < 0:
		return refuseAs(fault.NotFound, 400, "LaunchTemplateVersionSet.NotFound", "The launch template version set is not found.")
	case t.versions[at].Image == "":
		return malformed(400, "TemplateMissingParameter.ImageId", "The launch template has no ImageId.")
	case t.versions[at].InstanceType == "":
		return malformed(400, "TemplateMissingParameter.InstanceTypes", "The launch template has no InstanceType.")
	}
	return nil
}

func unknownGroup() error {
	return refuse(404, "InvalidScalingGroupId.NotFound", "The specified scaling group does not exist.")
}

// amendGroup changes one of the caller's scaling groups, in whatever region it
// is; one whose change leaves no id is deleted.
func (s *Session) amendGroup(operation, id string, change func(*region, *ScalingGroupRow, time.Time) error) error {
	if err := s.permitESS(operation); err != nil {
		return err
	}
	if id == "" {
		return missing("ScalingGroupId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, r := range c.regions {
		e, state := r.references.groups.owned(s.caller.Account, id)
		if state == nil {
			continue
		}
		next := *state
		next.row.Members = slices.Clone(next.row.Members)
		if err := change(r, &next.row, now); err != nil {
			return err
		}
		next.row.ModifiedAt = now.Truncate(time.Minute)
		if next.row.ID == "" {
			r.references.groups.put(e, nil, now, now)
			r.references.groups.settle(now)
			return nil
		}
		r.references.groups.put(e, &next, now, now)
		return nil
	}
	return unknownGroup()
}

// ModifyScalingGroup changes a group; running instances stay as they are.
// Refusals: those of CreateScalingGroup, InvalidScalingGroupId.NotFound,
// InvalidScalingConfigurationId.NotFound.
func (s *Session) ModifyScalingGroup(req CreateScalingGroupRequest) error {
	return s.amendGroup("ModifyScalingGroup", req.Group, func(r *region, row *ScalingGroupRow, _ time.Time) error {
		row.Name = cmp.Or(req.Name, row.Name)
		if req.Least >= 0 {
			row.Least = req.Least
		}
		if req.Most >= 0 {
			row.Most = req.Most
		}
		if err := s.startFrom(r, row, req.Source); err != nil {
			return err
		}
		return r.checkGroup(s.caller.Account, *row)
	})
}

// startFrom makes a group start instances from something else, if that was asked.
func (s *Session) startFrom(r *region, row *ScalingGroupRow, source ScalingSource) error {
	switch {
	case source.Configuration != "":
		sc, err := r.configurationOf(s.caller.Account, row.ID, source.Configuration)
		if err != nil {
			return err
		}
		row.Configuration, row.TemplateID, row.TemplateVersion = sc.row.ID, "", ""
	case source.TemplateID != "":
		row.Configuration, row.TemplateID, row.TemplateVersion = "", source.TemplateID, cmp.Or(source.TemplateVersion, "Default")
	case source.TemplateVersion != "":
		row.TemplateVersion = source.TemplateVersion
	default:
		return nil
	}
	r.activate(s.caller.Account, row.ID, row.Configuration, s.cloud.now())
	return nil
}

// configurationOf is a configuration of a group.
func (r *region) configurationOf(account image.AccountID, group, id string) (*configurationState, error) {
	_, sc := r.references.configurations.owned(account, id)
	if sc == nil || sc.row.Group != group {
		return nil, unknownConfiguration()
	}
	return sc, nil
}

func unknownConfiguration() error {
	return refuse(404, "InvalidScalingConfigurationId.NotFound", "The specified scaling configuration does not exist.")
}

// activate makes one configuration of a group Active, the others Inactive.
func (r *region) activate(account image.AccountID, group, id string, now time.Time) {
	for _, e := range r.references.configurations.of(account).rows {
		sc := e.truth()
		if sc == nil || sc.row.Group != group || sc.row.Active == (sc.row.ID == id) {
			continue
		}
		next := *sc
		next.row.Active = sc.row.ID == id
		r.references.configurations.put(e, &next, now, now)
	}
}

// EnableScalingGroupRequest are the parameters of EnableScalingGroup.
type EnableScalingGroupRequest struct {
	Group  string
	Source ScalingSource
	// Instances are attached.
	Instances []image.InstanceID
}

// EnableScalingGroup makes an Inactive group scale, with instances that are
// attached by hand. Refusals: MissingParameter, InvalidScalingGroupId.NotFound,
// IncorrectScalingGroupStatus, MissingActiveScalingConfiguration,
// InvalidInstanceId.NotFound, IncorrectInstanceStatus, InvalidInstanceId.InUse,
// IncorrectCapacity.MaxSize, and those of the source.
func (s *Session) EnableScalingGroup(req EnableScalingGroupRequest) error {
	return s.amendGroup("EnableScalingGroup", req.Group, func(r *region, row *ScalingGroupRow, now time.Time) error {
		if row.Active {
			return wrongState(400, "IncorrectScalingGroupStatus", "The current status of the specified scaling group does not support this action.")
		}
		if err := s.startFrom(r, row, req.Source); err != nil {
			return err
		}
		if row.TemplateID != "" {
			if err := r.checkTemplateSource(s.caller.Account, row.TemplateID, row.TemplateVersion); err != nil {
				return err
			}
		}
		switch {
		case row.Configuration == "" && row.TemplateID == "":
			return wrongState(400, "MissingActiveScalingConfiguration", "An active scaling configuration is missing.")
		case len(row.Members)+len(req.Instances) > row.Most:
			return wrongState(400, "IncorrectCapacity.MaxSize", "To attach the instances, the total capacity will be greater than the MaxSize.")
		}
		for _, id := range req.Instances {
			if err := s.attach(r, row, id, now); err != nil {
				return err
			}
		}
		row.Active = true
		return nil
	})
}

// attach puts an instance into a group.
func (s *Session) attach(r *region, row *ScalingGroupRow, id image.InstanceID, now time.Time) error {
	e, state := r.instances.owned(s.caller.Account, string(id))
	switch {
	case state == nil:
		return unknownInstance()
	case state.at(now).Status != image.InstanceRunning:
		return wrongState(400, "IncorrectInstanceStatus", "The current status of instance does not support this action.")
	case state.row.Tags[groupTag] != "":
		return wrongState(400, "InvalidInstanceId.InUse", "The instance is already in use in a scaling group.")
	}
	s.cloud.join(r, e, row, true, now)
	return nil
}

// join makes an instance a member of a group.
func (c *Cloud) join(r *region, e *entry[instanceState], row *ScalingGroupRow, attached bool, now time.Time) {
	next := *e.truth()
	next.row.Tags = maps.Clone(next.row.Tags)
	if next.row.Tags == nil {
		next.row.Tags = image.Tags{}
	}
	next.row.Tags[groupTag] = row.ID
	r.instances.put(e, &next, now, now)
	row.Members = append(row.Members, ScalingMember{
		Instance: next.row.ID, Group: row.ID, Configuration: row.Configuration, State: inService, Attached: attached, CreatedAt: now.Truncate(time.Minute),
	})
}

// AddToScalingGroup puts instances into a group as if it had made them. It reports
// whether there are such instances and group.
func (c *Cloud) AddToScalingGroup(regionID image.RegionID, group string, ids ...image.InstanceID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	e, state := r.references.groups.live(group)
	if state == nil {
		return false
	}
	next := *state
	next.row.Members = slices.Clone(next.row.Members)
	for _, id := range ids {
		i, instance := r.instances.live(string(id))
		if instance == nil {
			return false
		}
		c.join(r, i, &next.row, false, now)
	}
	r.references.groups.put(e, &next, now, now)
	return true
}

// DisableScalingGroup stops a group from scaling. Refusals: MissingParameter,
// InvalidScalingGroupId.NotFound, IncorrectScalingGroupStatus.
func (s *Session) DisableScalingGroup(group string) error {
	return s.amendGroup("DisableScalingGroup", group, func(_ *region, row *ScalingGroupRow, _ time.Time) error {
		if !row.Active {
			return wrongState(400, "IncorrectScalingGroupStatus", "The current status of the specified scaling group does not support this action.")
		}
		row.Active = false
		return nil
	})
}

// DeleteScalingGroup deletes a group with its configurations; forced, also one
// with instances: those it made are released, others only leave it. Refusals:
// MissingParameter, InvalidScalingGroupId.NotFound, InstanceInUse.
func (s *Session) DeleteScalingGroup(group string, force bool) error {
	return s.amendGroup("DeleteScalingGroup", group, func(r *region, row *ScalingGroupRow, now time.Time) error {
		if len(row.Members) > 0 && !force {
			return instanceInUse()
		}
		for _, m := range row.Members {
			s.cloud.leave(r, m, now)
		}
		for _, e := range slices.Clone(r.references.configurations.of(s.caller.Account).rows) {
			if sc := e.truth(); sc != nil && sc.row.Group == row.ID {
				r.references.configurations.put(e, nil, now, now)
			}
		}
		r.references.configurations.settle(now)
		row.ID = ""
		return nil
	})
}

func instanceInUse() error {
	return wrongState(400, "InstanceInUse", "You cannot delete a scaling configuration or scaling group while there is an instance associated with it.")
}

// leave takes an instance out of its group: one that the group made is released.
func (c *Cloud) leave(r *region, m ScalingMember, now time.Time) {
	e, state := r.instances.live(string(m.Instance))
	if state == nil {
		return
	}
	if !m.Attached {
		c.deleteInstance(r, e, state.at(now), now)
		return
	}
	next := *state
	next.row.Tags = maps.Clone(next.row.Tags)
	delete(next.row.Tags, groupTag)
	r.instances.put(e, &next, now, now)
}

// ScalingConfigurationRequest are the parameters of CreateScalingConfiguration,
// and of ModifyScalingConfiguration with Configuration set; what is zero then is
// unchanged.
type ScalingConfigurationRequest struct {
	Group, Configuration string
	Name                 string
	Image                image.ID
	ImageName            string
	Family               image.Family
	InstanceType         image.InstanceTypeID
	SystemDisk           NewDisk
	DataDisks            []NewDisk
	SecurityGroups       []string
	Further              map[string]string
}

// CreateScalingConfiguration adds a configuration to a group, Inactive, and
// returns its id. Refusals: MissingParameter, InvalidScalingGroupId.NotFound,
// InvalidParameter.Conflict (image and family), InvalidImageId.NotFound,
// InvalidImageId.InstanceTypeMismatch, InvalidScalingConfigurationName.Duplicate,
// InvalidKeyPairName.NotFound, InvalidDataDiskSnapshotId.NotFound,
// InvalidUserData.*.
func (s *Session) CreateScalingConfiguration(req ScalingConfigurationRequest) (id string, err error) {
	err = s.amendGroup("CreateScalingConfiguration", req.Group, func(r *region, row *ScalingGroupRow, now time.Time) error {
		sc := ScalingConfigurationRow{
			ScalingConfiguration: image.ScalingConfiguration{Region: r.id, ID: s.cloud.random.id("asc", r.infix), Group: row.ID},
			CreatedAt:            now.Truncate(time.Minute), SystemDisk: NewDisk{SizeGiB: 40, Category: "cloud_essd"},
		}
		sc.Name = sc.ID
		if req.Image == "" && req.ImageName == "" && req.Family == "" {
			return missing("ImageId")
		}
		if err := s.cloud.reconfigure(r, s.caller.Account, &sc, req, now); err != nil {
			return err
		}
		enter(&r.references.configurations, sc.ID, s.caller.Account, sc.CreatedAt, &configurationState{sc}, now)
		id = sc.ID
		return nil
	})
	return id, err
}

// reconfigure enters what a request says into a configuration, or refuses it.
func (c *Cloud) reconfigure(r *region, account image.AccountID, sc *ScalingConfigurationRow, req ScalingConfigurationRequest, now time.Time) error {
	if err := r.checkConfiguration(account, sc, req, now); err != nil {
		return err
	}
	if req.Image == "" && req.ImageName != "" {
		for _, img := range r.own(account, now) {
			if img.img.Name == req.ImageName {
				req.Image = img.img.ID
			}
		}
		if req.Image == "" {
			return refuse(404, "InvalidImageId.NotFound", "The specified image does not exist.")
		}
	}
	sc.Name, sc.InstanceType = cmp.Or(req.Name, sc.Name), cmp.Or(req.InstanceType, sc.InstanceType, "ecs.g7.large")
	if req.Family != "" {
		sc.Family, sc.Image, sc.ImageName, sc.ImageAlias = req.Family, "", "", ""
	}
	if req.Image != "" {
		state, err := c.checkImageOfESS(r, account, req.Image, sc.InstanceType, now)
		if err != nil {
			return err
		}
		sc.Image, sc.Family, sc.ImageName, sc.ImageAlias = req.Image, "", state.img.Name, r.alias(req.Image, account)
		if len(state.img.DataDisks()) > 0 {
			sc.DataDisks = nil // what was configured of data disks is cleared
		}
	}
	sc.SystemDisk.Category, sc.SystemDisk.SizeGiB = cmp.Or(req.SystemDisk.Category, sc.SystemDisk.Category), orDefault(req.SystemDisk.SizeGiB, sc.SystemDisk.SizeGiB)
	if req.DataDisks != nil {
		sc.DataDisks = slices.Clone(req.DataDisks)
	}
	if req.SecurityGroups != nil {
		sc.SecurityGroups = slices.Clone(req.SecurityGroups)
	}
	further := maps.Clone(sc.Further)
	if further == nil {
		further = map[string]string{}
	}
	maps.Copy(further, req.Further)
	sc.Further = further
	return nil
}

// own are the account's images that are Available.
func (r *region) own(account image.AccountID, now time.Time) []*imageState {
	return listedOf(&r.images, account, func(s *imageState) bool { return s.status(now) == image.StatusAvailable })
}

// checkConfiguration refuses what a configuration cannot have.
func (r *region) checkConfiguration(account image.AccountID, sc *ScalingConfigurationRow, req ScalingConfigurationRequest, now time.Time) error {
	others := listedOf(&r.references.configurations, account, func(other *configurationState) bool {
		return other.row.Group == sc.Group && other.row.ID != sc.ID && other.row.Name == req.Name
	})
	data := req.Further["UserData"]
	switch pair := req.Further["KeyPairName"]; {
	case (req.Image != "" || req.ImageName != "") && req.Family != "":
		return malformed(400, "InvalidParameter.Conflict", "The parameters ImageId and ImageFamily cannot be used together.")
	case req.Name != "" && len(others) > 0:
		return refuseAs(fault.Conflict, 400, "InvalidScalingConfigurationName.Duplicate", "The specified value of parameter ScalingConfigurationName is duplicated.")
	case pair != "" && !r.hasKeyPair(account, pair):
		return refuseAs(fault.NotFound, 400, "InvalidKeyPairName.NotFound", "The specified KeyPairName does not exist.")
	}
	return cmp.Or(checkUserData(&data), r.checkDataSnapshots(account, slices.Clone(req.DataDisks), now))
}

// checkImageOfESS returns an image that instances of the type can run, or refuses
// it in the way of ESS.
func (c *Cloud) checkImageOfESS(r *region, account image.AccountID, id image.ID, typeID image.InstanceTypeID, now time.Time) (*imageState, error) {
	t, known := instanceType(typeID)
	if !known {
		return nil, malformed(400, "InvalidParameter", "The specified value of parameter InstanceType is not valid.")
	}
	_, state := r.images.live(string(id))
	switch {
	case state == nil || !state.reaches(account, false) && !state.reaches(account, true) || !usable(state.status(now)):
		return nil, refuse(404, "InvalidImageId.NotFound", "The specified image does not exist.")
	case !sameArchitecture(t, &state.img) || !boots(t, &state.img):
		return nil, wrongState(400, "InvalidImageId.InstanceTypeMismatch", "The specified image does not support the specified instance type.")
	}
	return state, nil
}

// amendConfiguration changes one of the caller's configurations, in whatever
// region it is; one whose change leaves no id is deleted.
func (s *Session) amendConfiguration(operation, id string, change func(*region, *ScalingConfigurationRow, time.Time) error) error {
	if err := s.permitESS(operation); err != nil {
		return err
	}
	if id == "" {
		return missing("ScalingConfigurationId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, r := range c.regions {
		e, state := r.references.configurations.owned(s.caller.Account, id)
		if state == nil {
			continue
		}
		next := *state
		if err := change(r, &next.row, now); err != nil {
			return err
		}
		if next.row.ID == "" {
			r.references.configurations.put(e, nil, now, now)
			r.references.configurations.settle(now)
			return nil
		}
		r.references.configurations.put(e, &next, now, now)
		return nil
	}
	return unknownConfiguration()
}

// ModifyScalingConfiguration changes a configuration in place, also an Active one;
// running instances stay as they are. Where the new image has data disks, those of
// the configuration are cleared. Refusals: those of CreateScalingConfiguration,
// InvalidScalingConfigurationId.NotFound.
func (s *Session) ModifyScalingConfiguration(req ScalingConfigurationRequest) error {
	return s.amendConfiguration("ModifyScalingConfiguration", req.Configuration, func(r *region, sc *ScalingConfigurationRow, now time.Time) error {
		return s.cloud.reconfigure(r, s.caller.Account, sc, req, now)
	})
}

// DeactivateScalingConfiguration makes the configuration of an Inactive group
// Inactive, too. Refusals: MissingParameter,
// InvalidScalingConfigurationId.NotFound, IncorrectScalingGroupStatus.
func (s *Session) DeactivateScalingConfiguration(id string) error {
	return s.amendConfiguration("DeactivateScalingConfiguration", id, func(r *region, sc *ScalingConfigurationRow, now time.Time) error {
		e, group := r.references.groups.owned(s.caller.Account, sc.Group)
		if group != nil && group.row.Active {
			return wrongState(400, "IncorrectScalingGroupStatus", "The current status of the specified scaling group does not support this action.")
		}
		sc.Active = false
		if group != nil && group.row.Configuration == sc.ID {
			next := *group
			next.row.Configuration = ""
			r.references.groups.put(e, &next, now, now)
		}
		return nil
	})
}

// DeleteScalingConfiguration deletes a configuration. Refusals: MissingParameter,
// InvalidScalingConfigurationId.NotFound,
// IncorrectScalingConfigurationLifecycleState while it is Active, InstanceInUse
// while instances made from it are in the group.
func (s *Session) DeleteScalingConfiguration(id string) error {
	return s.amendConfiguration("DeleteScalingConfiguration", id, func(r *region, sc *ScalingConfigurationRow, _ time.Time) error {
		_, group := r.references.groups.owned(s.caller.Account, sc.Group)
		switch {
		case sc.Active:
			return wrongState(400, "IncorrectScalingConfigurationLifecycleState", "The current lifecycle state of the specified scaling configuration does not support this action.")
		case group != nil && slices.ContainsFunc(group.row.Members, func(m ScalingMember) bool { return !m.Attached && m.Configuration == sc.ID }):
			return instanceInUse()
		}
		sc.ID = ""
		return nil
	})
}

// StandbyRequest are the parameters of EnterStandby and ExitStandby.
type StandbyRequest struct {
	Group       string
	Instances   []image.InstanceID
	ClientToken string
}

// EnterStandby takes instances out of service without letting them go: their
// health is not looked at. It returns the scaling activity. Refusals:
// MissingParameter, InvalidScalingGroupId.NotFound, InvalidInstanceId.NotFound,
// IncorrectScalingGroupStatus, IncorrectInstanceStatus unless they are in service;
// by the other reading IncorrectCapacity.MinSize.
func (s *Session) EnterStandby(req StandbyRequest) (activity string, err error) {
	return s.stand("EnterStandby", req, inService, standby)
}

// ExitStandby puts instances back into service. Refusals as of EnterStandby.
func (s *Session) ExitStandby(req StandbyRequest) (activity string, err error) {
	return s.stand("ExitStandby", req, standby, inService)
}

func (s *Session) stand(operation string, req StandbyRequest, from, to string) (activity string, err error) {
	key := tokenKey{s.caller.Account, "", operation, req.ClientToken}
	err = s.amendGroup(operation, req.Group, func(r *region, row *ScalingGroupRow, now time.Time) error {
		use := tokenUse{request: textOf(req), at: now}
		if before, ok := s.cloud.remembered(key, now); ok {
			if activity = string(before.id); before.request != use.request {
				return tokenMismatch()
			}
			return nil
		}
		switch {
		case len(req.Instances) == 0:
			return missing("InstanceId.1")
		case !row.Active:
			return wrongState(400, "IncorrectScalingGroupStatus", "The current status of the specified scaling group does not support this action.")
		}
		s.cloud.checkHealth(r, row, now)
		serving := 0
		for _, m := range row.Members {
			if m.State == inService {
				serving++
			}
		}
		if to == standby && s.cloud.readings().StandbyBelowLeast && serving-len(req.Instances) < row.Least {
			return wrongState(400, "IncorrectCapacity.MinSize", "The total capacity would be less than the MinSize.")
		}
		for _, id := range req.Instances {
			at := slices.IndexFunc(row.Members, func(m ScalingMember) bool { return m.Instance == id })
			switch {
			case at < 0:
				return unknownInstance()
			case row.Members[at].State != from:
				return wrongState(400, "IncorrectInstanceStatus", "The current status of instance does not support this action.")
			}
			row.Members[at].State = to
		}
		activity = s.cloud.random.id("asa", r.infix)
		use.id = image.ID(activity)
		s.cloud.remember(key, use)
		return nil
	})
	return activity, err
}

// checkHealth releases the members in service that were down for too long, as the
// group's health check does, and forgets those that are gone.
func (c *Cloud) checkHealth(r *region, row *ScalingGroupRow, now time.Time) {
	row.Members = slices.DeleteFunc(row.Members, func(m ScalingMember) bool {
		_, state := r.instances.live(string(m.Instance))
		switch {
		case state == nil:
			return true
		case m.State == standby || !row.Active || now.Sub(state.downSince(now)) < unhealthyFor:
			return false
		}
		m.Attached = false // a broken instance is released, whoever made it
		c.leave(r, m, now)
		return true
	})
}

// patrol looks at the health of the members of all groups.
func (c *Cloud) patrol(r *region, now time.Time) {
	r.patrols = time.Time{}
	for account := range r.references.groups.byOwner {
		for _, m := range c.members(r, account, now) {
			if _, state := r.instances.live(string(m.Instance)); !m.Healthy {
				r.patrols = earlier(r.patrols, state.downSince(now).Add(unhealthyFor))
			}
		}
	}
}

// downSince is since when an instance is not Running; now if it is.
func (i *instanceState) downSince(now time.Time) time.Time {
	if i.at(now).Status == image.InstanceRunning {
		return now
	}
	for _, s := range i.steps {
		if s.status == image.InstanceStopping || s.status == image.InstanceStopped {
			return s.from
		}
	}
	return now
}

// DescribeScalingInstancesRequest are the parameters of DescribeScalingInstances.
type DescribeScalingInstancesRequest struct {
	RegionID      image.RegionID
	Group         string
	Configuration string
	Instances     []image.InstanceID
	// State is InService, Standby and so on, Health Healthy or Unhealthy.
	State, Health string
	Pages         Pages
}

// ScalingInstancesPage is one page of DescribeScalingInstances.
type ScalingInstancesPage struct {
	Instances []ScalingMember
	PageMark
}

// DescribeScalingInstances lists the instances of the caller's groups, at most 100
// to a page. Instances in service that were down for too long are released by
// their group. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidParameter, InvalidScalingGroupId.NotFound.
func (s *Session) DescribeScalingInstances(req DescribeScalingInstancesRequest) (ScalingInstancesPage, error) {
	if err := s.permitESS("DescribeScalingInstances"); err != nil {
		return ScalingInstancesPage{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return ScalingInstancesPage{}, err
	}
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return ScalingInstancesPage{}, err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	if _, group := r.references.groups.owned(s.caller.Account, req.Group); req.Group != "" && group == nil {
		return ScalingInstancesPage{}, unknownGroup()
	}
	var found []ScalingMember
	for _, m := range c.members(r, s.caller.Account, now) {
		if req.wants(m) {
			found = append(found, m)
		}
	}
	mark.Total = len(found)
	return ScalingInstancesPage{cut(found, mark), mark}, nil
}

// members are the instances of an account's groups, after their health was looked
// at.
func (c *Cloud) members(r *region, account image.AccountID, now time.Time) []ScalingMember {
	var found []ScalingMember
	for _, e := range r.references.groups.of(account).rows {
		state := e.truth()
		if state == nil {
			continue
		}
		next := *state
		next.row.Members = slices.Clone(next.row.Members)
		c.checkHealth(r, &next.row, now)
		if len(next.row.Members) != len(state.row.Members) {
			r.references.groups.put(e, &next, now, now)
		}
		for _, m := range next.row.Members {
			_, instance := r.instances.live(string(m.Instance))
			row := instance.at(now)
			m.Type, m.Zone, m.Healthy = row.Type, row.Zone, m.State == standby || row.Status == image.InstanceRunning
			found = append(found, m)
		}
	}
	return found
}

func (req *DescribeScalingInstancesRequest) wants(m ScalingMember) bool {
	health := "Unhealthy"
	if m.Healthy {
		health = "Healthy"
	}
	return (req.Group == "" || req.Group == m.Group) && (req.Configuration == "" || req.Configuration == m.Configuration) &&
		(req.Instances == nil || slices.Contains(req.Instances, m.Instance)) && (req.State == "" || req.State == m.State) &&
		(req.Health == "" || req.Health == health)
}
