package pricing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/strictjson"
	"imagekeeper/shared/survey"
)

// overlayName is the variable that holds negotiated rates, and their source.
const overlayName = "PRICE_RATES"

// The bounds of an overlay.
const (
	maxOverlayBytes = 256 << 10
	maxOverlayRates = 2000
)

// ParseNegotiated reads the JSON of PRICE_RATES:
//
//	{"gbBytes": 1073741824, "rates": [
//	  {"item": "operatingSystemLicence", "product": "rhel", "basis": "perVcpu", "unit": "hour",
//	   "minVcpus": 1, "maxVcpus": 8, "regionId": "cn-hongkong", "price": "0.09", "currency": "CNY", "since": "2026-01-01"}]}
//
// A regionId of "all" makes a rate the default, which counts for every region of
// which no other rate is known. since is from when on a rate holds (until then it
// does not count), readAt as of when it was read; date is the older word for since.
//
// It is strict: an unknown, duplicate or differently-cased field, a rate that can
// never apply, or two rates for the same thing fail with fault.Invalid and the
// name of the field, e.g. rates[2].price. Empty text is no overlay.
func ParseNegotiated(text string) (Negotiated, error) {
	if strings.TrimSpace(text) == "" {
		return Negotiated{}, nil
	}
	if len(text) > maxOverlayBytes {
		return Negotiated{}, fault.InField(overlayName, "tooLong", "it is longer than %d bytes", maxOverlayBytes)
	}
	value, err := parseStrict([]byte(text))
	if err != nil {
		return Negotiated{}, err
	}
	root, ok := value.(object)
	if !ok {
		return Negotiated{}, fault.InField(overlayName, strictjson.CodeType, "it is a JSON object with the field rates")
	}
	r := reader{fields: root}
	n := Negotiated{GBBytes: r.gbBytes("gbBytes")}
	entries := r.array("rates")
	if err := r.finish(); err != nil {
		return Negotiated{}, err
	}
	n.Rates, err = readRates(entries)
	if err != nil {
		return Negotiated{}, err
	}
	return n, overlap(n.Rates)
}

func readRates(entries []any) ([]Rate, error) {
	if len(entries) > maxOverlayRates {
		return nil, fault.InField("rates", "tooMany", "there are more than %d rates", maxOverlayRates)
	}
	rates := make([]Rate, 0, len(entries))
	for i, e := range entries {
		path := "rates[" + strconv.Itoa(i) + "]"
		fields, ok := e.(object)
		if !ok {
			return nil, fault.InField(path, strictjson.CodeType, "a rate is a JSON object")
		}
		rate, err := readRate(path, fields)
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

func readRate(path string, fields object) (Rate, error) {
	r := reader{path: path, fields: fields}
	rate := Rate{
		Item:         Item(r.oneOf("item", names(ratedItems()))),
		Product:      Product(r.oneOf("product", names(Products()))),
		ProductCode:  image.ProductCode(r.name("productCode")),
		Category:     Category(r.oneOf("category", []string{string(Standard), string(Archive)})),
		Region:       r.region("regionId"),
		To:           r.region("toRegionId"),
		InstanceType: r.instanceType("instanceType"),
		Basis:        Basis(r.oneOf("basis", names([]Basis{PerVCPU, PerInstance, PerGB, PerGBDisk}))),
		Unit:         Unit(r.oneOf("unit", names([]Unit{Hour, Week, Month, Year, Once}))),
		MinVCPUs:     r.count("minVcpus"),
		MaxVCPUs:     r.count("maxVcpus"),
		Source:       overlayName,
		Since:        r.since(),
		ReadAt:       r.date("readAt"),
	}
	rate.Price = r.price("price", "currency")
	if err := r.finish(); err != nil {
		return Rate{}, err
	}
	if err := checkShape(path, rate); err != nil {
		return Rate{}, err
	}
	if rate.Region == AnyRegion {
		rate.Region, rate.Default = "", true
	}
	return rate, nil
}

func ratedItems() []Item {
	return []Item{
		OperatingSystemLicence, MarketplaceSoftware, SnapshotStorage, SnapshotPreheat,
		SnapshotCopy, OSSStorage, OSSTraffic, SystemDiskGrowth,
	}
}

func names[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

// shape is what a rate for an item looks like.
type shape struct {
	bases, units []string
	// mandatory and allowed are fields beside item, basis, unit, price, currency,
	// date and regionId.
	mandatory, allowed []string
}

func shapeOf(item Item) shape {
	switch item {
	case OperatingSystemLicence:
		return licenceShape("product")
	case MarketplaceSoftware:
		return licenceShape("productCode")
	case SnapshotStorage:
		return shape{names([]Basis{PerGB}), names([]Unit{Month}), []string{"category", "regionId"}, nil}
	case SnapshotCopy:
		return shape{names([]Basis{PerGB}), names([]Unit{Once}), []string{"regionId", "toRegionId"}, nil}
	case SnapshotPreheat:
		return shape{names([]Basis{PerGBDisk}), names([]Unit{Hour}), []string{"regionId"}, nil}
	case OSSTraffic:
		return shape{names([]Basis{PerGB}), names([]Unit{Once}), nil, nil}
	}
	return shape{names([]Basis{PerGB}), names([]Unit{Month}), nil, nil}
}

func licenceShape(mandatory string) shape {
	return shape{
		names([]Basis{PerVCPU, PerInstance}), names([]Unit{Hour, Week, Month, Year}),
		[]string{mandatory},
		[]string{"instanceType", "minVcpus", "maxVcpus"},
	}
}

// checkShape refuses a rate that would never apply, or whose tier is empty.
func checkShape(path string, r Rate) error {
	s := shapeOf(r.Item)
	if !slices.Contains(s.bases, string(r.Basis)) {
		return fault.InField(path+".basis", "basisNotForItem", "the basis for %s is %s", r.Item, strings.Join(s.bases, " or "))
	}
	if !slices.Contains(s.units, string(r.Unit)) {
		return fault.InField(path+".unit", "unitNotForItem", "the unit for %s is %s", r.Item, strings.Join(s.units, " or "))
	}
	for _, f := range selectorsOf(r) {
		switch {
		case slices.Contains(s.mandatory, f.name):
			if !f.given {
				return fault.InField(path+"."+f.name, "missing", "a rate for %s needs it", r.Item)
			}
		case f.given && f.name != "regionId" && !slices.Contains(s.allowed, f.name):
			return fault.InField(path+"."+f.name, "notForItem", "a rate for %s does not have it", r.Item)
		}
	}
	if r.MaxVCPUs > 0 && r.MaxVCPUs < r.MinVCPUs {
		return fault.InField(path+".maxVcpus", "tierEmpty", "it is less than minVcpus")
	}
	if r.To != "" && r.To == r.Region && r.To != AnyRegion {
		return fault.InField(path+".toRegionId", "sameRegion", "the copy fee is for copies to another region")
	}
	return nil
}

type selector struct {
	name  string
	given bool
}

func selectorsOf(r Rate) []selector {
	return []selector{
		{"product", r.Product != ""},
		{"productCode", r.ProductCode != ""},
		{"category", r.Category != ""},
		{"regionId", r.Region != ""},
		{"toRegionId", r.To != ""},
		{"instanceType", r.InstanceType != ""},
		{"minVcpus", r.MinVCPUs > 0},
		{"maxVcpus", r.MaxVCPUs > 0},
	}
}

// overlap refuses two rates between which nothing decides.
func overlap(rates []Rate) error {
	groups := make(map[Rate][]int, len(rates))
	for i, r := range rates {
		key := r
		key.Since, key.ReadAt, key.Basis = "", "", ""
		key.Price = money.Amount{}
		key.Source = string(r.Price.Currency())
		key.MinVCPUs, key.MaxVCPUs = 0, 0
		for _, other := range groups[key] {
			if tiersMeet(rates[other], r) {
				return fault.InField("rates["+strconv.Itoa(i)+"]", "overlap", "it is for the same as rates[%d]", other)
			}
		}
		groups[key] = append(groups[key], i)
	}
	return nil
}

func tiersMeet(a, b Rate) bool {
	return (a.MaxVCPUs == 0 || b.MinVCPUs <= a.MaxVCPUs) && (b.MaxVCPUs == 0 || a.MinVCPUs <= b.MaxVCPUs)
}

// reader takes fields out of an object; the first that is wrong is remembered.
type reader struct {
	path   string
	fields object
	taken  []string
	failed error
}

func (r *reader) fail(name, code, format string, args ...any) {
	if r.failed == nil {
		r.failed = fault.InField(place(join(r.path, name)), code, format, args...)
	}
}

// take returns a field's value; nil if it is absent. An explicit null is refused.
func (r *reader) take(name string) any {
	r.taken = append(r.taken, name)
	for _, m := range r.fields {
		if m.key == name {
			if m.value == nil {
				r.fail(name, strictjson.CodeType, "it is null; give it a value, or leave it out")
			}
			return m.value
		}
	}
	return nil
}

// finish fails for the first field that was wrong, else for one that is unknown.
func (r *reader) finish() error {
	for _, m := range r.fields {
		if !slices.Contains(r.taken, m.key) {
			return fault.InField(place(join(r.path, m.key)), "unknownField", "there is no such field")
		}
	}
	return r.failed
}

func (r *reader) text(name string) string {
	value := r.take(name)
	if value == nil {
		return ""
	}
	text, ok := value.(string)
	if !ok || text == "" {
		r.fail(name, strictjson.CodeType, "it is a text that is not empty")
	}
	return text
}

// oneOf reads a word of a list; empty if it is absent.
func (r *reader) oneOf(name string, words []string) string {
	text := r.text(name)
	if text != "" && !slices.Contains(words, text) {
		r.fail(name, "notInList", "it is one of %s", strings.Join(words, ", "))
	}
	if text == "" && slices.Contains([]string{"item", "basis", "unit"}, name) {
		r.fail(name, "missing", "a rate needs it: one of %s", strings.Join(words, ", "))
	}
	return text
}

// name reads an identifier of ECS.
func (r *reader) name(field string) string {
	text := r.text(field)
	if text != "" && !isIdentifier(text) {
		r.fail(field, "notAnIdentifier", "it is letters, digits, dots, dashes and underscores, at most 64")
	}
	return text
}

// isIdentifier: letters, digits and inner dots, dashes and underscores; at most 64.
func isIdentifier(s string) bool {
	const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return len(s) <= 64 && strings.Trim(s, alphanumeric+"._-") == "" && strings.IndexAny(s[:1], alphanumeric) == 0
}

// region reads a region, or the word for all of them.
func (r *reader) region(field string) image.RegionID {
	text := r.text(field)
	if text == "" || text == string(AnyRegion) {
		return image.RegionID(text)
	}
	if !isRegion(text) {
		r.fail(field, "notARegion", "it is a region id such as cn-hangzhou, in small letters, or %s", AnyRegion)
		return ""
	}
	if known, ok := Meant(image.RegionID(text)); ok {
		r.fail(field, survey.CodeUnknownRegion, "there is no region %s that is known; is it %s?", text, known)
	}
	return image.RegionID(text)
}

// isRegion: small letters and digits in two to five parts, the first of letters.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	for n, p := range parts {
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || (n == 0 && strings.ContainsAny(p, "0123456789")) {
			return false
		}
	}
	return len(s) <= 64 && len(parts) > 1 && len(parts) < 6 && len(parts[0]) > 1
}

// instanceType reads an instance type.
func (r *reader) instanceType(field string) image.InstanceTypeID {
	text := r.text(field)
	if text == "" {
		return ""
	}
	parts := strings.Split(text, ".")
	ok := len(text) <= 64 && len(parts) > 1 && len(parts) < 6 && parts[0] == "ecs"
	for _, p := range parts {
		ok = ok && p != "" && strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	if !ok {
		r.fail(field, "notAnInstanceType", "it is an instance type such as ecs.g7.xlarge")
	}
	return image.InstanceTypeID(text)
}

// since reads from when on a rate holds; date is its older word.
func (r *reader) since() string {
	since, date := r.date("since"), r.date("date")
	if since != "" && date != "" {
		r.fail("date", "dateTwice", "it is the older word for since: give one of them")
	}
	return cmp.Or(since, date)
}

// The years in which a rate can begin to hold: ECS did not exist before, and what
// is far ahead is a slip.
const (
	firstYear = 2009
	lastYear  = 2099
)

func (r *reader) date(name string) string {
	text := r.text(name)
	if text == "" {
		return ""
	}
	day, ok := parseDate(text)
	switch {
	case !ok:
		r.fail(name, "notADate", "it is a day, month or year such as 2026-01-31")
		return ""
	case day.Year() < firstYear || day.Year() > lastYear:
		r.fail(name, "dateOutOfRange", "it is from %d to %d", firstYear, lastYear)
	}
	return text
}

func (r *reader) integer(name string) (int64, bool) {
	value := r.take(name)
	if value == nil {
		return 0, false
	}
	number, ok := value.(interface{ String() string })
	if !ok {
		r.fail(name, strictjson.CodeType, "it is a whole number")
		return 0, false
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil {
		r.fail(name, strictjson.CodeType, "it is a whole number")
		return 0, false
	}
	return n, true
}

// count reads a number of vCPUs, at least one.
func (r *reader) count(name string) int {
	n, given := r.integer(name)
	if given && (n < 1 || n > 1<<16) {
		r.fail(name, "outOfRange", "it is 1 to %d", 1<<16)
		return 0
	}
	return int(n)
}

// gbBytes reads one of the two numbers of bytes that a GB can be.
func (r *reader) gbBytes(name string) int64 {
	n, given := r.integer(name)
	if given && n != 1e9 && n != binaryGB {
		r.fail(name, "outOfRange", "a GB is 1000000000 or 1073741824 bytes")
	}
	return n
}

func (r *reader) price(name, currency string) money.Amount {
	text, code := r.text(name), r.text(currency)
	if text == "" {
		r.fail(name, "missing", "a rate needs a price: a text such as \"0.09\"")
	}
	if code != string(money.CNY) && code != string(money.USD) {
		r.fail(currency, "notInList", "a rate needs a currency: %s or %s", money.CNY, money.USD)
		return money.Amount{}
	}
	amount, err := money.Parse(text, money.Currency(code))
	if err != nil || amount.Sign() < 0 {
		r.fail(name, "notAPrice", "it is a decimal number or a fraction that is not negative, as text")
	}
	return amount
}

func (r *reader) array(name string) []any {
	value := r.take(name)
	list, ok := value.([]any)
	if !ok {
		r.fail(name, strictjson.CodeType, "it is an array of rates")
	}
	return list
}
