package ecsapi

import (
	"strconv"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// The keys and their order are those of DescribeImages in the vendor's SDK
// 7.11.6 and of a capture of the real service: unset strings are there, empty;
// the size of a disk is a string, that of the image a number; IsSelfShared is
// a string. What a capture shows absent stays absent until it has a value.
type wireImage struct {
	ImageID          string `json:"ImageId"`
	ImageName        string
	ImageOwnerAlias  string
	ImageOwnerID     int64 `json:"ImageOwnerId,omitempty"`
	ImageFamily      string
	ImageVersion     string
	Description      string
	Status           string
	Progress         string
	Usable           *bool `json:",omitempty"`
	Usage            string
	OSType           string
	OSName           string
	OSNameEn         string
	Platform         string
	Architecture     string
	BootMode         string
	Size             int
	CreationTime     string
	ProductCode      string
	SupplierName     string `json:",omitempty"`
	LicenseType      string `json:",omitempty"`
	ResourceGroupID  string `json:"ResourceGroupId"`
	IsPublic         bool
	IsCopied         bool
	IsSelfShared     string
	IsSubscribed     bool
	IsCloudInit      bool `json:"IsSupportCloudinit"`
	IsIOOptimized    bool `json:"IsSupportIoOptimized"`
	LoginAsNonRoot   bool `json:"LoginAsNonRootSupported"`
	DetectionOptions wireDetection
	Features         wireFeatures
	SecureBoot       *wireSupport `json:"SecureBootOptions,omitempty"`
	Mappings         wireMappings `json:"DiskDeviceMappings"`
	Tags             wireTags
}

type wireDetection struct {
	Status string          `json:",omitempty"`
	Items  *wireCheckItems `json:",omitempty"`
}

type wireCheckItems struct{ Item []wireCheckItem }

// wireCheckItem has no RiskLevel where there is no risk.
type wireCheckItem struct {
	Name      string
	Value     string
	RiskLevel string `json:",omitempty"`
	RiskCode  string `json:",omitempty"`
}

func detectionOnWire(row cloudsim.ImageRow) wireDetection {
	out := wireDetection{Status: row.Detection}
	if row.CheckItems != nil {
		out.Items = &wireCheckItems{rowsOf(row.CheckItems, func(i cloudsim.CheckItem) wireCheckItem {
			return wireCheckItem{i.Name, i.Value, i.Risk, i.RiskCode}
		})}
	}
	return out
}

type wireFeatures struct {
	NvmeSupport string `json:",omitempty"`
	ImdsSupport string `json:",omitempty"`
}

// wireSupport is left out where nothing is known.
type wireSupport struct{ SecureBootSupport string }

func supportOnWire(t image.Tri) *wireSupport {
	switch t {
	case image.Yes:
		return &wireSupport{"supported"}
	case image.No:
		return &wireSupport{"unsupported"}
	}
	return nil
}

type wireMappings struct {
	DiskDeviceMapping []wireMapping
}

type wireMapping struct {
	Device          string
	Type            string
	Size            string
	SnapshotID      string `json:"SnapshotId"`
	Encrypted       *bool  `json:",omitempty"`
	Format          string
	ImportOSSBucket string
	ImportOSSObject string
	Progress        string
	RemainTime      int `json:",omitempty"`
}

type wireTags struct{ Tag []wireTag }

type wireTag struct{ TagKey, TagValue string }

func tagsOnWire(tags image.Tags) wireTags {
	keys := tags.Keys()
	out := make([]wireTag, len(keys))
	for i, key := range keys {
		out[i] = wireTag{key, tags[key]}
	}
	return wireTags{out}
}

// ownerAlias is ECS's word for the kind.
func ownerAlias(kind image.Kind) string {
	switch kind {
	case image.KindPublic:
		return cloudsim.AliasSystem
	case image.KindMarketplace:
		return cloudsim.AliasMarketplace
	case image.KindShared, image.KindCommunity:
		return cloudsim.AliasOthers
	}
	return cloudsim.AliasSelf
}

// trueFalse is IsSelfShared: the string "False" was seen, "True" is assumed.
func trueFalse(t image.Tri) string {
	switch t {
	case image.Yes:
		return "True"
	case image.No:
		return "False"
	}
	return ""
}

// known is nil for what ECS leaves out.
func known(t image.Tri) *bool {
	if t == image.Unknown {
		return nil
	}
	yes := t == image.Yes
	return &yes
}

func percent(n int) string { return strconv.Itoa(n) + "%" }

// toSecond and toMinute are ECS's two ways to write a time; no time is "".
func toSecond(t time.Time) string { return written(t, stampLayout) }

func toMinute(t time.Time) string { return written(t, "2006-01-02T15:04Z") }

func written(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(layout)
}

func imageOnWire(row cloudsim.ImageRow) wireImage {
	owner, _ := strconv.ParseInt(string(row.Owner), 10, 64)
	return wireImage{
		ImageID: string(row.ID), ImageName: row.Name, ImageOwnerAlias: ownerAlias(row.Kind), ImageOwnerID: owner,
		ImageFamily: string(row.Family), ImageVersion: row.Version, Description: row.Description,
		Status: string(row.Status), Progress: percent(row.Progress), Usable: known(row.Usable), Usage: string(row.Usage),
		OSType: string(row.OSType), OSName: row.OSName, OSNameEn: row.OSNameEN, Platform: row.Platform,
		Architecture: string(row.Architecture), BootMode: string(row.BootMode), Size: row.SizeGiB,
		CreationTime: toSecond(row.CreatedAt), ProductCode: string(row.ProductCode), SupplierName: row.Supplier,
		LicenseType: row.LicenseType, ResourceGroupID: row.ResourceGroup, IsPublic: row.Published, IsCopied: row.Copied,
		IsSelfShared: trueFalse(row.SharedOut), IsSubscribed: row.Subscribed, IsCloudInit: row.CloudInit,
		IsIOOptimized: row.IOOptimized, LoginAsNonRoot: row.LoginAsNonRoot,
		DetectionOptions: detectionOnWire(row), Features: wireFeatures{row.NVMe, row.IMDS}, SecureBoot: supportOnWire(row.SecureBoot),
		Mappings: mappingsOnWire(row), Tags: tagsOnWire(row.Tags),
	}
}

func mappingsOnWire(row cloudsim.ImageRow) wireMappings {
	out := make([]wireMapping, len(row.Disks))
	for i, disk := range row.Disks {
		out[i] = wireMapping{
			Device: disk.Device, Type: diskType(disk.System), Size: strconv.Itoa(disk.SizeGiB),
			SnapshotID: string(disk.SnapshotID), Encrypted: known(disk.Encrypted), Format: disk.Format,
			ImportOSSBucket: disk.ImportBucket, ImportOSSObject: disk.ImportObject, RemainTime: row.RemainSeconds,
		}
		if row.Copied {
			out[i].Progress = percent(row.Progress)
		}
	}
	return wireMappings{out}
}

func diskType(system bool) string {
	if system {
		return "system"
	}
	return "data"
}

type imagesAnswer struct {
	receipt
	pageNumbers
	RegionID string `json:"RegionId"`
	Images   struct{ Image rows[wireImage] }
}

func (a *imagesAnswer) content() editable { return &a.Images.Image }
func (a *imagesAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeImages(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeImages(cloudsim.DescribeImagesRequest{
		RegionID: image.RegionID(p.text("RegionId")), Statuses: given[image.Status](p.commas("Status")),
		ImageIDs: given[image.ID](p.commas("ImageId")), ImageName: p.text("ImageName"),
		ImageFamily: image.Family(p.text("ImageFamily")), OwnerAlias: p.text("ImageOwnerAlias"),
		OwnerID: image.AccountID(p.text("ImageOwnerId")), SnapshotID: image.SnapshotID(p.text("SnapshotId")),
		InstanceType: image.InstanceTypeID(p.text("InstanceType")), IOOptimized: p.tri("IsSupportIoOptimized"),
		CloudInit: p.tri("IsSupportCloudinit"), OSType: p.text("OSType"), Architecture: p.text("Architecture"),
		Usage: p.text("Usage"), IsPublic: p.tri("IsPublic"), Usable: p.tri("Usable"), ActionType: p.text("ActionType"),
		ResourceGroup: p.text("ResourceGroupId"), ShowExpired: p.flag("ShowExpired"), Tags: c.tags(),
		Filters: c.filters(), DryRun: p.flag("DryRun"), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &imagesAnswer{pageNumbers: marked(page.PageMark), RegionID: p.text("RegionId")}
	a.Images.Image = rowsOf(page.Images, imageOnWire)
	return a, nil
}

// tags reads Tag.N. Some operations take the members in lower case, too, as
// old clients send them.
func (c *call) tags() []cloudsim.Tag {
	_, old := lookUp(c.op.takes, "Tag.1.key")
	var tags []cloudsim.Tag
	for _, n := range c.parameters.numbers("Tag") {
		tag := cloudsim.Tag{Key: c.parameters.member("Tag", n, "Key"), Value: c.parameters.member("Tag", n, "Value")}
		if old && tag == (cloudsim.Tag{}) {
			tag = cloudsim.Tag{Key: c.parameters.member("Tag", n, "key"), Value: c.parameters.member("Tag", n, "value")}
		}
		tags = append(tags, tag)
	}
	return tags
}

func (c *call) filters() []cloudsim.Filter {
	var filters []cloudsim.Filter
	for _, n := range c.parameters.numbers("Filter") {
		filters = append(filters, cloudsim.Filter{Key: c.parameters.member("Filter", n, "Key"), Value: c.parameters.member("Filter", n, "Value")})
	}
	return filters
}

type familyAnswer struct {
	receipt
	Image any
}

// describeImageFromFamily answers an empty Image when the family has none.
func describeImageFromFamily(c *call) (answer, error) {
	row, found, err := c.session.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{
		RegionID: image.RegionID(c.parameters.text("RegionId")), ImageFamily: image.Family(c.parameters.text("ImageFamily")),
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return &familyAnswer{Image: struct{}{}}, nil
	}
	return &familyAnswer{Image: imageOnWire(row)}, nil
}

type supportAnswer struct {
	receipt
	RegionID      string `json:"RegionId"`
	ImageID       string `json:"ImageId"`
	InstanceTypes struct{ InstanceType rows[wireSupportedType] }
}

type wireSupportedType struct {
	InstanceTypeID     string `json:"InstanceTypeId"`
	InstanceTypeFamily string
	CPUCoreCount       int `json:"CpuCoreCount"`
	MemorySize         float64
}

func (a *supportAnswer) content() editable { return &a.InstanceTypes.InstanceType }
func (a *supportAnswer) place() *pagePlace { return &pagePlace{} }

func describeImageSupportInstanceTypes(c *call) (answer, error) {
	p := c.parameters
	types, err := c.session.DescribeImageSupportInstanceTypes(cloudsim.DescribeImageSupportInstanceTypesRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")),
		ActionType: p.text("ActionType"), Filters: c.filters(),
	})
	if err != nil {
		return nil, err
	}
	a := &supportAnswer{RegionID: p.text("RegionId"), ImageID: p.text("ImageId")}
	for _, f := range c.filters() {
		if a.ImageID == "" && f.Key == "imageId" {
			a.ImageID = f.Value
		}
	}
	a.InstanceTypes.InstanceType = rowsOf(types, func(t image.InstanceType) wireSupportedType {
		return wireSupportedType{string(t.ID), t.FamilyName, t.VCPUs, t.MemoryGiB}
	})
	return a, nil
}

type grantsAnswer struct {
	receipt
	pageNumbers
	RegionID    string `json:"RegionId"`
	ImageID     string `json:"ImageId"`
	Accounts    struct{ Account rows[wireGrant] }
	ShareGroups struct{ ShareGroup []wireGroup }
}

type wireGrant struct {
	AliyunID   string `json:"AliyunId"`
	SharedTime string
}

type wireGroup struct{ Group string }

func (a *grantsAnswer) content() editable { return &a.Accounts.Account }
func (a *grantsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeImageSharePermission(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &grantsAnswer{pageNumbers: marked(page.PageMark), RegionID: p.text("RegionId"), ImageID: p.text("ImageId")}
	a.Accounts.Account = rowsOf(page.Grants, func(g image.Grant) wireGrant {
		return wireGrant{string(g.Account), toSecond(g.At)}
	})
	a.ShareGroups.ShareGroup = []wireGroup{}
	return a, nil
}
