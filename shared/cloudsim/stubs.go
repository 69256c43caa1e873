package cloudsim

import "imagekeeper/shared/image"

// Cloud is accounts by regions. It is safe for concurrent use.
type Cloud struct{}

// New returns a cloud.
func New(Options) *Cloud { return &Cloud{} }

// Session is one caller's calls.
type Session struct{}

// Credential returns what belongs to an access key id, if it exists; expired
// ones are returned until a day after they expired.
func (c *Cloud) Credential(accessKeyID string) (Credential, bool) { return Credential{}, false }

// AddKey gives account a further long-lived key, of a RAM user called name,
// that may do what allow says (nil: everything). It fails for an unknown
// account and for a key id that is taken.
func (c *Cloud) AddKey(account image.AccountID, accessKeyID, secret, name string, allow []string) error {
	return nil
}

// As returns the operations as the caller calls them.
func (c *Cloud) As(Caller) *Session { return &Session{} }

func (s *Session) GetCallerIdentity() (CallerIdentity, error)                  { return CallerIdentity{}, nil }
func (s *Session) AssumeRole(AssumeRoleRequest) (AssumedRole, error)           { return AssumedRole{}, nil }
func (s *Session) DescribeRegions(DescribeRegionsRequest) ([]RegionRow, error) { return nil, nil }
func (s *Session) DescribeZones(DescribeZonesRequest) ([]ZoneRow, error)       { return nil, nil }
func (s *Session) DescribeInstanceTypes(DescribeInstanceTypesRequest) (InstanceTypesPage, error) {
	return InstanceTypesPage{}, nil
}
func (s *Session) DescribeImages(DescribeImagesRequest) (DescribeImagesPage, error) {
	return DescribeImagesPage{}, nil
}

// DescribeImageFromFamily returns false when the family has no Available image.
func (s *Session) DescribeImageFromFamily(DescribeImageFromFamilyRequest) (ImageRow, bool, error) {
	return ImageRow{}, false, nil
}
func (s *Session) DescribeImageSupportInstanceTypes(DescribeImageSupportInstanceTypesRequest) ([]image.InstanceType, error) {
	return nil, nil
}
func (s *Session) CreateImage(CreateImageRequest) (image.ID, error)                   { return "", nil }
func (s *Session) CopyImage(CopyImageRequest) (image.ID, error)                       { return "", nil }
func (s *Session) CancelCopyImage(ImageRequest) error                                 { return nil }
func (s *Session) DeleteImage(DeleteImageRequest) error                               { return nil }
func (s *Session) ModifyImageAttribute(ModifyImageAttributeRequest) error             { return nil }
func (s *Session) ModifyImageSharePermission(ModifyImageSharePermissionRequest) error { return nil }
func (s *Session) DescribeImageSharePermission(DescribeImageSharePermissionRequest) (GrantsPage, error) {
	return GrantsPage{}, nil
}
func (s *Session) TagResources(TagResourcesRequest) error                     { return nil }
func (s *Session) UntagResources(UntagResourcesRequest) error                 { return nil }
func (s *Session) ListTagResources(ListTagResourcesRequest) (TagsPage, error) { return TagsPage{}, nil }
func (s *Session) DescribeTags(DescribeTagsRequest) (TagCountsPage, error) {
	return TagCountsPage{}, nil
}
func (s *Session) DescribeInstances(DescribeInstancesRequest) (InstancesPage, error) {
	return InstancesPage{}, nil
}
func (s *Session) DescribeInstanceStatus(DescribeInstanceStatusRequest) (InstanceStatusPage, error) {
	return InstanceStatusPage{}, nil
}
func (s *Session) DescribeDisks(DescribeDisksRequest) (DisksPage, error) { return DisksPage{}, nil }
func (s *Session) DescribeSnapshots(DescribeSnapshotsRequest) (SnapshotsPage, error) {
	return SnapshotsPage{}, nil
}
