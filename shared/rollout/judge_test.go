package rollout_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
)

// suited is an instance that may get the image that is beside it.
func suited() (rollout.Wish, rollout.Server, image.Image, rollout.Here) {
	name := rollout.Name{Place: place, ID: "i-1"}
	s := rollout.Server{
		Name: name,
		Before: &image.Before{
			Instance: image.Instance{
				Account: one, Region: hangzhou, ID: "i-1", Image: "m-old", Type: "ecs.g7.large", Status: image.InstanceRunning, OSType: image.Linux,
				OSName: "Ubuntu  22.04 64 bit", ChargeType: "PostPaid", SpotStrategy: "NoSpot", Zone: "cn-hangzhou-h",
			},
			KeyPair: "ops", IOOptimized: image.Yes, Hibernates: image.No, SecureBoot: image.No,
		},
		Disk: &image.DiskSetup{
			Disk:               image.Disk{ID: "d-1", System: true, SizeGiB: 40, Category: "cloud_essd", Status: "In_use", Instance: "i-1", Encrypted: image.No},
			DeleteWithInstance: image.Yes, DeleteAutoSnapshot: image.No, Burst: image.No, PerformanceLevel: "PL1",
		},
		Type:         &image.InstanceType{ID: "ecs.g7.large", MemoryGiB: 8, Architecture: image.X86_64, BootModes: []image.BootMode{image.BIOS, image.UEFI}, NVMe: "unsupported"},
		Snapshotting: image.No, Assistant: &image.AssistantStatus{Instance: "i-1", Alive: true},
	}
	target := image.Image{
		Ref: image.Ref{Account: one, Region: hangzhou, ID: "m-new"}, Kind: image.KindCustom, Status: image.StatusAvailable, OSType: image.Linux,
		Architecture: image.X86_64, BootMode: image.BIOS, SizeGiB: 40, IOOptimized: image.Yes, NVMe: "unsupported",
	}
	return rollout.Wish{To: rollout.Target{Family: "web"}}.Filled(), s, target, rollout.Here{Encrypts: image.No}
}

// refusal is what is broken, and the code that refuses it.
type refusal struct {
	break_ func(broken)
	code   string
}

// ofInstances are refusals for what an instance and its disk are.
func ofInstances() map[string]refusal {
	return map[string]refusal{
		"suited":         {func(broken) {}, ""},
		"not shown":      {func(w broken) { w.s.Before = nil }, "instanceNotSeen"},
		"opted out":      {func(w broken) { w.s.Before.Tags = image.Tags{rollout.TagNoReplace: ""} }, "optedOut"},
		"in a rollout":   {func(w broken) { w.s.Rollout = "r" }, "inRollout"},
		"security lock":  {func(w broken) { w.s.Before.Locks = []string{"security"} }, "lockedForSecurity"},
		"financial lock": {func(w broken) { w.s.Before.Locks = []string{"financial"} }, "inArrears"},
		"host's lock":    {func(w broken) { w.s.Before.Locks = []string{"dedicatedhostfinancial"} }, "inArrears"},
		"recycling":      {func(w broken) { w.s.Before.Locks = []string{"recycling"} }, "beingReclaimed"},
		"refunded":       {func(w broken) { w.s.Before.Locks = []string{"refunded"} }, "beingReclaimed"},
		"other lock":     {func(w broken) { w.s.Before.Locks = []string{"new"} }, "locked"},
		"expired":        {func(w broken) { w.s.Before.ExpiresAt = time.Unix(1, 0) }, "expired"},
		"starting":       {func(w broken) { w.s.Before.Status = image.InstanceStarting }, "busy"},
		"pending":        {func(w broken) { w.s.Before.Status = image.InstancePending }, "busy"},
		"hibernated":     {func(w broken) { w.stop(); w.s.Before.Hibernates = image.Yes }, "hibernated"},
		"hibernation":    {func(w broken) { w.s.Before.Hibernates = image.Unknown }, "hibernationUnknown"},
		"I/O":            {func(w broken) { w.s.Before.IOOptimized = image.No }, "notIOOptimized"},
		"EMR":            {func(w broken) { w.s.Before.Tags = image.Tags{"acs:emr:clusterId": "c"} }, "managedByEMR"},
		"ACK":            {func(w broken) { w.s.Before.Tags = image.Tags{"ack.aliyun.com": "c"} }, "managedByACK"},
		"ACK's pool":     {func(w broken) { w.s.Before.Tags = image.Tags{"ack.alibabacloud.com/nodepool-id": "c"} }, "managedByACK"},
		"autoscaler":     {func(w broken) { w.s.Before.Tags = image.Tags{"k8s.io/cluster-autoscaler": "true"} }, "managedByACK"},
		"scaling group":  {func(w broken) { w.s.Before.Tags = image.Tags{"acs:autoscaling:scalingGroupId": "asg"} }, "managedByAutoScaling"},
		"group not read": {func(w broken) {
			w.s.Before.Tags = image.Tags{"acs:autoscaling:scalingGroupId": "asg"}
			w.w.Managed = true
		}, "groupUnknown"},
		"spot":              {func(w broken) { w.s.Before.SpotStrategy = "SpotAsPriceGo" }, "spot"},
		"StopCharging":      {func(w broken) { w.stop(); w.s.Before.StoppedMode = "StopCharging" }, "stoppedWithoutResources"},
		"mode not said":     {func(w broken) { w.stop(); w.s.Before.StoppedMode = "" }, "stoppedWithoutResources"},
		"spot not said":     {func(w broken) { w.s.Before.SpotStrategy = "" }, "spotUnknown"},
		"subscription":      {func(w broken) { w.s.Before.ChargeType = "PrePaid" }, "expiryUnknown"},
		"encryption":        {func(w broken) { w.s.Disk.Encrypted = image.Unknown }, "diskSettingsUnknown"},
		"burst":             {func(w broken) { w.s.Disk.Category, w.s.Disk.Burst = "cloud_auto", image.Unknown }, "diskSettingsUnknown"},
		"level":             {func(w broken) { w.s.Disk.PerformanceLevel = "" }, "diskSettingsUnknown"},
		"no disk":           {func(w broken) { w.s.Disk = nil }, "diskNotSeen"},
		"migrating":         {func(w broken) { w.s.Disk.Status = "Transferring" }, "diskTransferring"},
		"disk busy":         {func(w broken) { w.s.Disk.Status = "ReIniting" }, "diskBusy"},
		"disk elsewhere":    {func(w broken) { w.s.Disk.Instance = "i-2" }, "diskNotAttached"},
		"snapshot":          {func(w broken) { w.s.Snapshotting = image.Yes }, "snapshotInProgress"},
		"snapshots unknown": {func(w broken) { w.s.Snapshotting = image.Unknown }, "snapshotInProgress"},
		"count unknown":     {func(w broken) { w.s.Snapshots = -1 }, "snapshotsUnknown"},
		"snapshot quota":    {func(w broken) { w.s.Snapshots = 1999 }, "snapshotQuota"},
		"policies":          {func(w broken) { w.s.PoliciesUnread = true }, "policiesUnknown"},
		"settings":          {func(w broken) { w.s.Disk.DeleteAutoSnapshot = image.Unknown }, "diskSettingsUnknown"},
	}
}

// ofImages are refusals for what the image is, and for what does not go together.
func ofImages() map[string]refusal {
	return map[string]refusal{
		"deprecated": {func(w broken) { w.i.Status = image.StatusDeprecated }, "imageDeprecated"},
		"creating":   {func(w broken) { w.i.Status = image.StatusCreating }, "imageNotAvailable"},
		"data disks": {func(w broken) { w.i.Disks = []image.DiskMapping{{Device: "/dev/xvdb"}} }, "imageHasDataDisks"},
		"terms":      {func(w broken) { w.i.ProductCode = "cmj" }, "termsNotAccepted"},
		"no system":  {func(w broken) { w.i.OSType = "" }, "systemUnknown"},
		"crossed":    {func(w broken) { w.s.Region = "ap-southeast-1"; w.i.OSType = image.Windows; w.s.Before.KeyPair = "" }, "crossedSystems"},
		"crossed unlisted": {func(w broken) {
			w.s.Region, w.i.Region = "cn-newcity", "cn-newcity"
			w.i.OSType, w.s.Before.KeyPair = image.Windows, ""
		}, "regionNotListed"},
		"Linux 2 Pro":     {func(w broken) { w.s.Before.OSName = "Alibaba Cloud Linux  2.1903 LTS 64 bit Pro" }, ""},
		"Linux Pro":       {func(w broken) { w.s.Before.OSName = "Alibaba Cloud Linux  3 Pro 64 bit" }, "systemNotReplaceable"},
		"type":            {func(w broken) { w.s.Type = nil }, "typeUnknown"},
		"architecture":    {func(w broken) { w.i.Architecture = image.ARM64 }, "architectureDiffers"},
		"no architecture": {func(w broken) { w.i.Architecture = "" }, "architectureUnknown"},
		"memory":          {func(w broken) { w.i.Architecture = image.I386 }, "tooMuchMemory"},
		"no memory":       {func(w broken) { w.s.Type.MemoryGiB = 0 }, "memoryUnknown"},
		"boot mode":       {func(w broken) { w.s.Type.BootModes = []image.BootMode{image.UEFI} }, "bootModeDiffers"},
		"boots somehow":   {func(w broken) { w.s.Type.BootModes = nil }, "bootModeUnknown"},
		"boots by both":   {func(w broken) { w.s.Type.BootModes, w.i.BootMode = nil, image.UEFIPreferred }, ""},
		"NVMe not said":   {func(w broken) { w.s.Type.NVMe = "" }, "nvmeUnknown"},
		"NVMe anyway":     {func(w broken) { w.s.Type.NVMe, w.i.NVMe = "", "supported" }, ""},
		"not optimised":   {func(w broken) { w.i.IOOptimized = image.No }, "imageNotIOOptimized"},
		"perhaps not":     {func(w broken) { w.i.IOOptimized = image.Unknown }, "imageNotIOOptimized"},
		"NVMe":            {func(w broken) { w.s.Type.NVMe = "required" }, "nvmeMissing"},
		"secure boot":     {func(w broken) { w.s.Before.SecureBoot, w.i.SecureBoot = image.Yes, image.No }, "secureBootMissing"},
		"secure unsaid":   {func(w broken) { w.s.Before.SecureBoot = image.Yes }, "secureBootUnknown"},
		"may be secure":   {func(w broken) { w.s.Before.SecureBoot, w.s.Type.SecureBoot = image.Unknown, image.Yes }, "secureBootUnknown"},
		"secure and said": {func(w broken) { w.s.Before.SecureBoot, w.i.SecureBoot = image.Yes, image.Yes }, ""},
		"never secure":    {func(w broken) { w.s.Before.SecureBoot, w.s.Type.SecureBoot = image.Unknown, image.No }, ""},
		"no size":         {func(w broken) { w.i.SizeGiB = 0 }, "sizeUnknown"},
		"large":           {func(w broken) { w.i.SizeGiB = 2049 }, "sizeTooLarge"},
		"large for basic": {func(w broken) { w.s.Disk.Category = "cloud"; w.i.SizeGiB = 501 }, "sizeTooLarge"},
		"small for PL2":   {func(w broken) { w.s.Disk.PerformanceLevel = "PL2" }, "sizeTooSmall"},
		"Windows is large": {func(w broken) {
			w.i.OSType = image.Windows
			w.s.Before.KeyPair = ""
			w.i.SizeGiB = 20
			w.s.Disk.SizeGiB = 30
		}, "sizeTooSmall"},
		"order": {func(w broken) {
			w.s.Before.ChargeType, w.s.Before.ExpiresAt = "PrePaid", time.Now().AddDate(1, 0, 0)
			w.i.SizeGiB = 60
		}, "unpaidOrder"},
		"default encrypts": {func(w broken) { w.h.Encrypts = image.Yes }, "encryptionRequired"},
		"default unknown":  {func(w broken) { w.h.Encrypts = image.Unknown }, "encryptionUnknown"},
		"encrypted": {func(w broken) {
			w.i.Kind = image.KindShared
			w.i.Disks = []image.DiskMapping{{System: true, Encrypted: image.Yes}}
		}, "imageEncrypted"},
		"key pair": {func(w broken) { w.i.OSType = image.Windows }, "keyPairNotForWindows"},
		"hook":     {func(w broken) { w.w.Hooks.Before = "true"; w.s.Assistant = nil }, "assistantMissing"},
		"no assistant": {func(w broken) {
			w.i.Detection = &image.Detection{Status: "Finished", Items: []image.DetectionItem{{Name: "GUESTOS.CloudAssistant", Risk: "High"}}}
		}, "assistantMissing"},
	}
}

// TestEveryRefusal: each thing that ECS documents, and each of ours, refuses by its
// code alone; whoever suits is not refused.
func TestEveryRefusal(t *testing.T) {
	cases := ofInstances()
	maps.Copy(cases, ofImages())
	told := map[string]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, s, i, h := suited()
			c.break_(broken{&w, &s, &i, &h})
			var codes []string
			for _, r := range rollout.Judge(w, s, i, h, rollout.Planning, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)).Refused {
				codes = append(codes, r.Code)
			}
			var want []string
			if c.code != "" {
				want = []string{c.code}
				if rollout.Remedy(c.code) == "" {
					t.Errorf("nobody is told what cures %s", c.code)
				}
			}
			if !slices.Equal(codes, want) {
				t.Errorf("refused by %v, want %v", codes, want)
			}
		})
		told[c.code] = true
	}
	for code := range rollout.Refusals() {
		if !told[code] && !slices.Contains(besides(), code) {
			t.Errorf("no case is refused by %s", code)
		}
	}
}

// TestWhatIsNotSaid: a member that ECS leaves out refuses, whichever it is, but for
// those of which nothing depends, or whose absence means something.
func TestWhatIsNotSaid(t *testing.T) {
	harmless := map[string]string{
		"Before.Account": "of the view", "Before.Region": "of the view", "Before.ID": "of the question", "Before.Name": "a name", "Before.CreatedAt": "nothing goes by it",
		"Before.Image": "what ran is compared with what runs", "Before.Type": "the type is found by it",
		"Before.Zone": "waves spread less", "Before.KeyPair": "none", "Before.StoppedMode": "it runs", "Before.VCPUs": "the type says it",
		"Before.MemoryMiB": "the type says it", "Before.ExpiresAt": "pay-as-you-go", "Before.SecureBoot": "told, where the type does not say it either", "Disk.Burst": "only one kind of disks has it",
		"Disk.ID": "found by it, and compared", "Disk.System": "asked for", "Disk.Key": "the service's", "Disk.Name": "restored if there is one", "Type.FamilyName": "a name", "Type.ID": "of the question", "Type.VCPUs": "nothing goes by it",
		"Image.Ref": "of the question", "Image.Kind": "of the view", "Image.NVMe": "as unsupported", "Image.BootMode": "BIOS",
	}
	_, said, img, _ := suited()
	for part, v := range map[string]reflect.Value{
		"Before": reflect.ValueOf(*said.Before), "Disk": reflect.ValueOf(*said.Disk), "Type": reflect.ValueOf(*said.Type), "Image": reflect.ValueOf(img),
	} {
		for _, f := range reflect.VisibleFields(v.Type()) {
			name := part + "." + f.Name
			if f.Anonymous && f.Name != "Ref" || len(f.Index) > 1 && f.Index[0] == 0 && part == "Image" || v.FieldByIndex(f.Index).IsZero() {
				continue
			}
			w, s, i, h := suited()
			to := map[string]any{"Before": s.Before, "Disk": s.Disk, "Type": s.Type, "Image": &i}[part]
			reflect.ValueOf(to).Elem().FieldByIndex(f.Index).SetZero()
			refused := rollout.Judge(w, s, i, h, rollout.Planning, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)).Refused
			if _, may := harmless[name]; may == (len(refused) > 0) {
				t.Errorf("without %s it is refused by %v", name, refused)
			}
		}
	}
}

// besides are refusals of whole plans, of targets and of what is done.
func besides() []string {
	return []string{
		"notStopped", "notPermitted", "placeUnread", "noImage", "productRemoved", "noRelease", "releaseDisputed", "releaseUnknown", "imageNotInRegion", "undoLimited",
		"moved", "backupMissing", "backupExpired", "notReplaced", "previousImageGone",
		"licenceIncrease", "licenceUnknown", "notesUnreadable", "referencesUnknown", "versionGone", "versionDiffers", "nothingReplaced",
	}
}

// What somebody takes upon himself is not refused.
func TestWordsThatTakeRisks(t *testing.T) {
	w, s, i, h := suited()
	w.Managed, w.MayNotStart, w.To = true, true, rollout.Target{Image: "m-new"}
	s.Before.SpotStrategy, s.Before.Tags = "SpotAsPriceGo", image.Tags{"acs:emr:clusterId": "c", "acs:autoscaling:scalingGroupId": "asg"}
	s.Group = &image.ScalingInstance{Group: "asg", State: "InService"}
	i.Status = image.StatusDeprecated
	if v := rollout.Judge(w, s, i, h, rollout.Planning, time.Now()); len(v.Refused) > 0 {
		t.Errorf("%v", v.Refused)
	}
}

// What is released is what log and tags say alike.
func TestReleasedImages(t *testing.T) {
	tagged := func(id image.ID, channel string) image.Image {
		i := image.Image{Ref: image.Ref{Account: one, Region: hangzhou, ID: id}, Kind: image.KindCustom, Family: "web", Status: image.StatusAvailable, Tags: image.Tags{}}
		if channel != "" {
			i.Tags[rollout.TagChannel] = channel
		}
		return i
	}
	stable := rollout.Target{Family: "web", Channel: "stable"}
	for name, c := range map[string]struct {
		target rollout.Target
		here   rollout.Here
		image  image.ID
		code   string
	}{
		"stable":        {stable, rollout.Here{Images: []image.Image{tagged("m-1", "stable"), tagged("m-2", "")}, Channels: map[string]image.ID{"stable": "m-1"}, ChannelsRead: true}, "m-1", "released"},
		"disputed":      {stable, rollout.Here{Images: []image.Image{tagged("m-1", ""), tagged("m-2", "stable")}, Channels: map[string]image.ID{"stable": "m-1"}, ChannelsRead: true}, "", "releaseDisputed"},
		"two tags":      {stable, rollout.Here{Images: []image.Image{tagged("m-1", "stable"), tagged("m-2", "stable")}, Channels: map[string]image.ID{"stable": "m-1"}, ChannelsRead: true}, "", "releaseDisputed"},
		"no log":        {stable, rollout.Here{Images: []image.Image{tagged("m-1", "stable")}, ChannelsRead: true}, "", "releaseDisputed"},
		"none":          {stable, rollout.Here{Images: []image.Image{tagged("m-1", "")}, ChannelsRead: true}, "", "noRelease"},
		"unread":        {stable, rollout.Here{Images: []image.Image{tagged("m-1", "stable")}}, "", "releaseUnknown"},
		"unreleased":    {rollout.Target{Family: "web", Unreleased: true}, rollout.Here{Images: []image.Image{tagged("m-1", "stable")}}, "m-1", "newestOfFamily"},
		"no image":      {rollout.Target{Family: "web", Unreleased: true}, rollout.Here{}, "", "noImage"},
		"named":         {rollout.Target{Image: "m-1"}, rollout.Here{Images: []image.Image{tagged("m-1", "")}}, "m-1", "imageNamed"},
		"copy":          {rollout.Target{Image: "m-0"}, rollout.Here{Images: []image.Image{tagged("m-1", "")}, Copies: []image.ID{"m-1"}}, "m-1", "copyOfImage"},
		"not here":      {rollout.Target{Image: "m-0"}, rollout.Here{Images: []image.Image{tagged("m-1", "")}}, "", "imageNotInRegion"},
		"better":        {rollout.Target{Family: "web", Channel: "candidate"}, rollout.Here{Images: []image.Image{tagged("m-1", "stable")}, Channels: map[string]image.ID{"candidate": "m-1"}, ChannelsRead: true}, "m-1", "released"},
		"not candidate": {rollout.Target{Family: "web", Channel: "candidate"}, rollout.Here{Images: []image.Image{tagged("m-1", "")}, Channels: map[string]image.ID{"candidate": "m-1"}, ChannelsRead: true}, "", "releaseDisputed"},
	} {
		got := c.target.Resolve(place, c.here, []image.AccountID{one}, nil)
		var id image.ID
		if got.Image != nil {
			id = got.Image.ID
		}
		if id != c.image || got.Why.Code != c.code {
			t.Errorf("%s: %q by %s", name, id, got.Why.Code)
		}
	}
}

// broken is what a case changes.
type broken struct {
	w *rollout.Wish
	s *rollout.Server
	i *image.Image
	h *rollout.Here
}

// stop makes the instance a stopped one that keeps its resources.
func (b broken) stop() {
	b.s.Before.Status, b.s.Before.StoppedMode = image.InstanceStopped, "KeepCharging"
}
