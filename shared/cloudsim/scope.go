package cloudsim

import "slices"

// Scope is what the actions of ECS that change something can be narrowed to in a
// policy: kinds of things, each of which its caller needs. None: RAM knows only
// everything. Lists are not here although some can be narrowed: what a policy
// leaves out of a list is not told. Source: "RAM authorization" of the developer
// reference.
func Scope(operation string) []string {
	for _, row := range []struct {
		on         []string
		operations []string
	}{
		{[]string{"image"}, []string{
			"ImportImage", "CopyImage", "ExportImage", "DeleteImage", "ModifyImageAttribute", "ModifyImageSharePermission", "CancelCopyImage",
		}},
		{[]string{"image", "snapshot"}, []string{"CreateImage"}},
		{[]string{"instance", "disk", "image"}, []string{"ReplaceSystemDisk"}},
		{[]string{"instance"}, []string{"StartInstance", "StopInstance", "RebootInstance", "ModifyInstanceAttribute", "RunCommand", "SendFile"}},
		{[]string{"instance", "keypair"}, []string{"AttachKeyPair"}},
		{[]string{"disk", "snapshot"}, []string{"CreateSnapshot"}},
		{[]string{"disk"}, []string{"ModifyDiskAttribute"}},
		{[]string{"disk", "snapshotpolicy"}, []string{"ApplyAutoSnapshotPolicy"}},
		{[]string{"snapshot"}, []string{"DeleteSnapshot"}},
		{[]string{"launchtemplate"}, []string{"CreateLaunchTemplateVersion", "ModifyLaunchTemplateDefaultVersion"}},
		{[]string{"disk", "image", "instance", "snapshot"}, []string{"TagResources", "UntagResources"}}, // that which is tagged
	} {
		if slices.Contains(row.operations, operation) {
			return row.on
		}
	}
	return nil
}

// about are the names of what an operation is about, for policies: those that are
// given, such as instance/i-1, or any of the kinds that it can be narrowed to; "" for
// one that cannot.
func (s *Session) about(operation string, given []string) []string {
	kinds := Scope(operation)
	switch {
	case len(kinds) == 0:
		return []string{""}
	case len(given) == 0:
		for _, kind := range kinds {
			given = append(given, kind+"/*")
		}
	}
	var all []string
	for _, one := range given {
		all = append(all, "acs:ecs:*:"+string(s.caller.Account)+":"+one)
	}
	return all
}
