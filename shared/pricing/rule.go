package pricing

import "imagekeeper/shared/image"

// RuleCode names the rule by which an image is priced.
type RuleCode string

// The rules; source: the vendor's image billing page.
const (
	PublicFree               RuleCode = "publicFree"
	PublicPaid               RuleCode = "publicPaid"
	CustomFromFree           RuleCode = "customFromFree"
	CustomFromPaid           RuleCode = "customFromPaid"
	CustomFromMarketplace    RuleCode = "customFromMarketplace"
	ImportedAliyunLicence    RuleCode = "importedAliyunLicence"
	ImportedByol             RuleCode = "importedByol"
	SharedFromFree           RuleCode = "sharedFromFree"
	SharedFromPaid           RuleCode = "sharedFromPaid"
	SharedFromMarketplace    RuleCode = "sharedFromMarketplace"
	Marketplace              RuleCode = "marketplace"
	CommunityFromFree        RuleCode = "communityFromFree"
	CommunityFromPaid        RuleCode = "communityFromPaid"
	CommunityFromMarketplace RuleCode = "communityFromMarketplace"
	UnknownSource            RuleCode = "unknownSource"
)

// RuleCodes returns all rules, in the order of the vendor's overview.
func RuleCodes() []RuleCode {
	return []RuleCode{
		PublicFree, PublicPaid, CustomFromFree, CustomFromPaid, CustomFromMarketplace,
		ImportedAliyunLicence, ImportedByol, SharedFromFree, SharedFromPaid, SharedFromMarketplace,
		Marketplace, CommunityFromFree, CommunityFromPaid, CommunityFromMarketplace, UnknownSource,
	}
}

// Rule is a rule as code and sentence.
type Rule struct {
	Code     RuleCode `json:"code"`
	Sentence string   `json:"sentence"`
}

// RuleOf returns the rule with its sentence.
func RuleOf(code RuleCode) Rule { return Rule{Code: code, Sentence: sentenceOf(code)} }

func sentenceOf(code RuleCode) string {
	switch code {
	case PublicFree:
		return "a public image whose operating system costs nothing in this region"
	case PublicPaid:
		return "a public image of a paid operating system: the instance owner pays its licence"
	case CustomFromFree:
		return "a custom image that comes from a free system: only its snapshots cost"
	case CustomFromPaid:
		return "a custom image that comes from a paid public image: the instance owner pays that licence, the image owner the snapshots"
	case CustomFromMarketplace:
		return "a custom image that comes from a Marketplace image: each instance pays the Marketplace price again, and the licence if the system is paid"
	case ImportedAliyunLicence:
		return "an imported Windows image with Alibaba Cloud's licence: paid in China (Hong Kong) and outside the Chinese mainland"
	case ImportedByol:
		return "an imported image whose licence its owner brought: no licence is charged"
	case SharedFromFree:
		return "a shared image that comes from a free system: its owner pays the snapshots"
	case SharedFromPaid:
		return "a shared image that comes from a paid system: whoever uses it pays the licence, its owner the snapshots"
	case SharedFromMarketplace:
		return "a shared image that comes from a Marketplace image: whoever uses it pays the Marketplace price, its owner the snapshots"
	case Marketplace:
		return "a Marketplace image: its Marketplace price, and the licence if the system is paid"
	case CommunityFromFree:
		return "a community image that comes from a free system: its owner pays the snapshots"
	case CommunityFromPaid:
		return "a community image that comes from a paid system: whoever uses it pays the licence, its owner the snapshots"
	case CommunityFromMarketplace:
		return "a community image that comes from a Marketplace image: whoever uses it pays the Marketplace price, its owner the snapshots"
	}
	return "where the image comes from is not known, so neither is whether its licence is charged"
}

// Charged says what a rule means for the operating system licence.
type Charged string

// Whether the licence is charged. Unsettled: the rule does not decide it, only
// an answer of DescribePrice or a negotiated rate can.
const (
	NotCharged Charged = "no"
	IsCharged  Charged = "yes"
	Unsettled  Charged = "unknown"
)

// Ruling is the rule of an image with its evidence.
type Ruling struct {
	Rule
	// Licence says whether an operating system licence is charged for Product.
	Licence Charged `json:"licence"`
	Product Product `json:"product"`
	// ProductCode is the Marketplace product whose price each instance pays.
	ProductCode image.ProductCode `json:"productCode,omitempty"`
	// Marketplace tells whether that price is due; the code may be unknown.
	Marketplace bool     `json:"marketplace"`
	Sure        Sureness `json:"sure"`
	// Evidence: what it was judged by.
	Evidence []image.Reason `json:"evidence"`
}

// Judge decides by which rule the subject is priced in a region. It follows the
// ultimate source; where there is none it falls back on what the image says of
// itself and says so.
func Judge(subject image.Image, source Source, region image.RegionID) Ruling {
	j := judgement{subject: subject, source: source, mainland: Mainland(region)}
	switch subject.Kind {
	case image.KindPublic:
		return j.public()
	case image.KindMarketplace:
		return j.marketplace()
	case image.KindCustom, image.KindShared, image.KindCommunity:
		return j.derived()
	}
	return j.unknown("kindNotGiven", "ECS did not say whose image this is")
}

// judgement is a ruling in the making.
type judgement struct {
	subject  image.Image
	source   Source
	mainland image.Tri
	evidence []image.Reason
}

func (j *judgement) note(code, sentence string) {
	j.evidence = append(j.evidence, image.Reason{Code: code, Sentence: sentence})
}

// public prices what it is itself.
func (j *judgement) public() Ruling {
	os := OSOf(j.subject)
	if !os.named() {
		os = j.source.OS
	}
	if !os.named() {
		return j.unknown("systemNotNamed", "ECS named neither platform nor operating system")
	}
	j.note("isSource", "a public image is its own source")
	return j.bySystem(ProductOf(os), Observed, PublicFree, PublicPaid)
}

func (j *judgement) marketplace() Ruling {
	j.note("isSource", "a Marketplace image is its own source")
	return j.fromMarketplace(Marketplace, Observed, OSOf(j.subject), j.subject.ProductCode)
}

// family holds the rule codes of one kind of derived image.
type family struct{ free, paid, marketplace, aliyun, byol RuleCode }

func familyFor(k image.Kind) family {
	switch k {
	case image.KindShared:
		return family{SharedFromFree, SharedFromPaid, SharedFromMarketplace, SharedFromPaid, SharedFromFree}
	case image.KindCommunity:
		return family{CommunityFromFree, CommunityFromPaid, CommunityFromMarketplace, CommunityFromPaid, CommunityFromFree}
	}
	return family{CustomFromFree, CustomFromPaid, CustomFromMarketplace, ImportedAliyunLicence, ImportedByol}
}

// derived prices an image like its ultimate source.
func (j *judgement) derived() Ruling {
	codes, source := familyFor(j.subject.Kind), j.source
	sure := source.Sure
	if sure == "" {
		sure = Inferred
	}
	if j.systemsContradict() {
		return j.unknown("systemContradictsSource", "the image and the source found for it have different operating system types")
	}
	product := firstCode(j.subject.ProductCode, source.ProductCode)
	switch {
	case source.Kind == SourceMarketplace:
		j.note("sourceMarketplace", "its ultimate source is a Marketplace image")
		return j.fromMarketplace(codes.marketplace, sure, j.system(), product)
	case product != "":
		return j.byProductCode(codes, product)
	case source.Kind == SourcePublic:
		return j.fromPublic(codes, sure)
	case source.Kind == SourceImport || j.subject.Imported():
		j.note("sourceImport", "its ultimate source is an import")
		return j.imported(codes, sure)
	}
	return j.withoutSource(codes)
}

func firstCode(a, b image.ProductCode) image.ProductCode {
	if a != "" {
		return a
	}
	return b
}

func (j *judgement) systemsContradict() bool {
	a, b := j.subject.OSType, j.source.Type
	return a != "" && b != "" && a != b
}

// system is the source's where it is named, else the image's own.
func (j *judgement) system() OS {
	if j.source.named() && j.source.Kind != SourceUnknown && j.source.Kind != SourceAccount {
		return j.source.OS
	}
	return OSOf(j.subject)
}

// byProductCode: ECS keeps the product code in all that is made from a
// Marketplace image, so it outweighs a lineage that found something else.
func (j *judgement) byProductCode(codes family, product image.ProductCode) Ruling {
	j.note("productCode", "it carries the Marketplace product code "+string(product)+", which images made from a product keep")
	sure := Fallback
	if j.source.Kind == SourcePublic || j.source.Kind == SourceImport {
		j.note("productCodeContradictsLineage", "its lineage leads to another source; the product code is what ECS charges by")
	}
	return j.fromMarketplace(codes.marketplace, sure, j.system(), product)
}

func (j *judgement) fromPublic(codes family, sure Sureness) Ruling {
	os := j.system()
	if !os.named() {
		return j.unknown("systemNotNamed", "its source is a public image of which ECS named neither platform nor operating system")
	}
	j.note("sourcePublic", "its ultimate source is a public image")
	return j.bySystem(ProductOf(os), sure, codes.free, codes.paid)
}

// bySystem decides for what was, or ultimately was, a public image. Public
// images of systems that are not in the list of paid ones cost nothing.
func (j *judgement) bySystem(p Product, sure Sureness, free, paid RuleCode) Ruling {
	switch j.chargedFor(p) {
	case NotCharged:
		return j.ruling(free, NotCharged, p, sure)
	case IsCharged:
		return j.ruling(paid, IsCharged, p, sure)
	}
	return j.ruling(paid, Unsettled, p, sure)
}

// chargedFor: Windows by region, the other paid systems everywhere.
func (j *judgement) chargedFor(p Product) Charged {
	if p == ProductFree || p == ProductUnknown {
		return NotCharged
	}
	if p == ProductDisputed {
		j.note("systemDisputed", "platform and system name contradict each other")
		return Unsettled
	}
	if p != WindowsServer {
		return IsCharged
	}
	switch j.mainland {
	case image.Yes:
		j.note("windowsInMainland", "Windows costs nothing in regions of the Chinese mainland")
		return NotCharged
	case image.No:
		j.note("windowsOutsideMainland", "Windows is charged in China (Hong Kong) and outside the Chinese mainland")
		return IsCharged
	}
	j.note("regionNotListed", "whether this region counts as Chinese mainland is not known, and Windows is free only there")
	return Unsettled
}

func (j *judgement) fromMarketplace(code RuleCode, sure Sureness, os OS, product image.ProductCode) Ruling {
	if product == "" {
		product = j.source.ProductCode
	}
	charged, p := Unsettled, ProductUnknown
	if os.named() {
		p = ProductOf(os)
		charged = j.chargedFor(p)
	} else {
		j.note("systemNotNamed", "ECS named neither platform nor operating system")
	}
	r := j.ruling(code, charged, p, sure)
	r.Marketplace, r.ProductCode = true, product
	return r
}

// imported decides by the licence type. Alibaba Cloud's own licence exists for
// Windows Server only: other systems are brought with their licence, or free.
func (j *judgement) imported(codes family, sure Sureness) Ruling {
	os := j.system()
	if !os.named() && j.licenceType() == "" {
		return j.unknown("systemNotNamed", "it was imported, and ECS named neither system nor licence type")
	}
	if j.source.Depth > 0 || j.subject.Copied || j.subject.Kind != image.KindCustom {
		j.note("importPassedOn", "that an import's licence follows its copies and shares is the vendor's general rule; no page says it of imports")
	}
	p := ProductOf(os)
	if p == WindowsServer {
		return j.importedWindows(codes, sure)
	}
	switch licence := j.licenceType(); {
	case p == ProductDisputed:
		j.note("systemDisputed", "platform and system name contradict each other")
		return j.ruling(UnknownSource, Unsettled, p, Fallback)
	case p == ProductFree || p == ProductUnknown:
		j.note("importNotWindows", "Alibaba Cloud sells licences for imports of Windows Server only")
		return j.ruling(codes.free, NotCharged, p, sure)
	case licence == licenceAliyun || licence == licenceDisputed:
		j.note("licenceTypeContradictsSystem", "its licence type is Aliyun, which exists for Windows Server only")
		return j.ruling(codes.aliyun, Unsettled, p, sure)
	}
	j.note("importNotWindows", "Alibaba Cloud sells licences for imports of Windows Server only, so this one came with its own")
	return j.ruling(codes.byol, NotCharged, p, sure)
}

// The licence types of ECS; licenceDisputed stands for two that contradict.
const (
	licenceAuto     = "Auto"
	licenceAliyun   = "Aliyun"
	licenceBYOL     = "BYOL"
	licenceDisputed = "disputed"
)

// licenceType is what image and source say together.
func (j *judgement) licenceType() string {
	own, source := j.subject.LicenseType, j.source.LicenseType
	switch {
	case own == "" || own == source:
		return source
	case source == "":
		return own
	case own != licenceBYOL && source != licenceBYOL:
		return licenceAliyun // Auto and Aliyun mean the same for Windows
	}
	return licenceDisputed
}

func (j *judgement) importedWindows(codes family, sure Sureness) Ruling {
	switch j.licenceType() {
	case licenceBYOL:
		j.note("licenceByol", "its licence type is BYOL")
		return j.ruling(codes.byol, NotCharged, WindowsServer, sure)
	case licenceAuto:
		j.note("licenceAutoIsAliyun", "its licence type is Auto, which the vendor's text of 2020 treats as Aliyun; today's is silent")
		sure = weaker(sure, Inferred)
	case licenceAliyun:
		j.note("licenceAliyun", "its licence type is Aliyun")
	default:
		return j.importedUndecided(codes)
	}
	charged := j.chargedFor(WindowsServer)
	if charged == NotCharged && j.subject.Kind != image.KindCustom {
		return j.ruling(codes.free, NotCharged, WindowsServer, sure)
	}
	return j.ruling(codes.aliyun, charged, WindowsServer, sure)
}

// importedUndecided: the licence type is missing or contradicted. In the Chinese
// mainland Windows is free under either.
func (j *judgement) importedUndecided(codes family) Ruling {
	j.note("licenceTypeNotKnown", "ECS gave no licence type, or contradictory ones")
	if j.chargedFor(WindowsServer) == NotCharged {
		return j.ruling(codes.free, NotCharged, WindowsServer, Fallback)
	}
	return j.ruling(UnknownSource, Unsettled, WindowsServer, Fallback)
}

// withoutSource decides by what the image says of itself, and only where every
// history that it can have had leads to the same answer.
func (j *judgement) withoutSource(codes family) Ruling {
	if b := j.source.Broken; b != nil {
		j.note(b.Code, b.Sentence)
	}
	if j.source.Kind == SourceAccount {
		j.note("sourceOtherAccount", "its history goes on in another account, which cannot be read")
	}
	os := j.system()
	if !os.named() {
		return j.unknown("systemNotNamed", "its source is not known, and ECS named neither platform nor operating system")
	}
	j.note("sourceNotFound", "its source was not found: decided by platform, system name, licence type and product code")
	switch p := ProductOf(os); p {
	case ProductFree:
		return j.ruling(codes.free, NotCharged, p, Fallback)
	case WindowsServer:
		return j.importedWindows(codes, Fallback)
	case ProductUnknown, ProductDisputed:
		return j.ruling(UnknownSource, Unsettled, p, Fallback)
	default:
		j.note("mayBeByol", "a system of this platform may have been imported with its own licence")
		return j.ruling(UnknownSource, Unsettled, p, Fallback)
	}
}

func weaker(a, b Sureness) Sureness {
	if rank(a) > rank(b) {
		return a
	}
	return b
}

func rank(s Sureness) int {
	switch s {
	case Recorded:
		return 0
	case Observed:
		return 1
	case Inferred:
		return 2
	}
	return 3
}

func (j *judgement) unknown(code, sentence string) Ruling {
	j.note(code, sentence)
	return j.ruling(UnknownSource, Unsettled, ProductUnknown, Fallback)
}

func (j *judgement) ruling(code RuleCode, charged Charged, p Product, sure Sureness) Ruling {
	return Ruling{Rule: RuleOf(code), Licence: charged, Product: p, Sure: sure, Evidence: j.evidence}
}
