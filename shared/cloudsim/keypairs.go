package cloudsim

import (
	"cmp"
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// keyPairsPerRegion is how many key pairs an account has in a region at most.
const keyPairsPerRegion = 500

type keyPairState struct{ row KeyPairRow }

// KeyPairRow is one key pair as DescribeKeyPairs shows it.
type KeyPairRow struct {
	ID, Name string
	// FingerPrint is the MD5 of the public key, in hexadecimal digits.
	FingerPrint string
	PublicKey   string
	CreatedAt   time.Time
	Tags        image.Tags
}

// keyPairNamed: 2 to 128 characters, a letter first; source: CreateKeyPair.
func keyPairNamed(name string) bool {
	n := utf8.RuneCountInString(name)
	return n >= 2 && n <= 128 && !mentionsURL(name) && wellNamed(strings.ReplaceAll(name, " ", "-"))
}

// CreateKeyPairRequest are the parameters of CreateKeyPair and, with a public
// key, of ImportKeyPair.
type CreateKeyPairRequest struct {
	RegionID  image.RegionID
	Name      string
	PublicKey string
	Tags      []Tag
}

// CreateKeyPair makes a key pair; the private key is the vendor's to show once,
// and not kept here. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidKeyPairName.Malformed, KeyPair.AlreadyExist, QuotaExceed.KeyPair,
// Duplicate.TagKey, QuotaExceed.Tags.
func (s *Session) CreateKeyPair(req CreateKeyPairRequest) (KeyPairRow, error) {
	return s.addKeyPair("CreateKeyPair", req)
}

// ImportKeyPair enters the public half of a key pair. Further refusal:
// InvalidPublicKeyBody.Malformed.
func (s *Session) ImportKeyPair(req CreateKeyPairRequest) (KeyPairRow, error) {
	if err := s.permit("ImportKeyPair"); err != nil {
		return KeyPairRow{}, err
	}
	kind, _, _ := strings.Cut(req.PublicKey, " ")
	known := slices.Contains([]string{"rsa", "dsa", "ssh-rsa", "ssh-dss"}, kind) || strings.HasPrefix(kind, "ecdsa")
	switch {
	case req.PublicKey == "":
		return KeyPairRow{}, missing("PublicKeyBody")
	case !known:
		return KeyPairRow{}, malformed(400, "InvalidPublicKeyBody.Malformed", "The specified parameter PublicKeyBody is not valid.")
	}
	return s.addKeyPair("ImportKeyPair", req)
}

func (s *Session) addKeyPair(operation string, req CreateKeyPairRequest) (KeyPairRow, error) {
	if err := s.permit(operation); err != nil {
		return KeyPairRow{}, err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkNewTags(req.Tags)); err != nil {
		return KeyPairRow{}, err
	}
	switch {
	case req.Name == "":
		return KeyPairRow{}, missing("KeyPairName")
	case !keyPairNamed(req.Name):
		return KeyPairRow{}, malformed(400, "InvalidKeyPairName.Malformed", "The specified Key Pair name is not valid.")
	case len(req.Tags) > maxTags:
		return KeyPairRow{}, overQuota(403, "QuotaExceed.Tags", "The maximum number of tags for a resource is 20.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	switch own := listedOf(&r.keys, s.caller.Account, func(*keyPairState) bool { return true }); {
	case slices.ContainsFunc(own, func(k *keyPairState) bool { return k.row.Name == req.Name }):
		return KeyPairRow{}, refuseAs(fault.Conflict, 400, "KeyPair.AlreadyExist", "The key pair already exist.")
	case len(own) >= keyPairsPerRegion:
		return KeyPairRow{}, overQuota(403, "QuotaExceed.KeyPair", "The key pair quota exceeds.")
	}
	row := KeyPairRow{ID: c.random.id("ssh", r.infix), Name: req.Name, PublicKey: req.PublicKey, CreatedAt: now.Truncate(time.Minute), Tags: tagMap(req.Tags)}
	row.PublicKey = cmp.Or(row.PublicKey, "ssh-rsa "+c.random.letters(43)+" "+req.Name)
	row.FingerPrint = fmt.Sprintf("%x", md5.Sum([]byte(row.PublicKey)))
	enter(&r.keys, row.ID, s.caller.Account, now, &keyPairState{row}, now)
	return row, nil
}

// AddKeyPair puts a key pair in, past the API's rules.
func (c *Cloud) AddKeyPair(account image.AccountID, regionID image.RegionID, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	row := KeyPairRow{ID: c.random.id("ssh", r.infix), Name: name, CreatedAt: now.Truncate(time.Minute), PublicKey: "ssh-rsa " + c.random.letters(43)}
	row.FingerPrint = fmt.Sprintf("%x", md5.Sum([]byte(row.PublicKey)))
	enter(&r.keys, row.ID, account, now, &keyPairState{row}, now)
}

// hasKeyPair reports whether an account has a key pair of that name.
func (r *region) hasKeyPair(account image.AccountID, name string) bool {
	return len(listedOf(&r.keys, account, func(k *keyPairState) bool { return k.row.Name == name })) > 0
}

// DescribeKeyPairsRequest are the parameters of DescribeKeyPairs.
type DescribeKeyPairsRequest struct {
	RegionID image.RegionID
	// Name may have * as a wildcard.
	Name, FingerPrint, ResourceGroup string
	Tags                             []Tag
	Pages                            Pages
}

// KeyPairsPage is one page of DescribeKeyPairs.
type KeyPairsPage struct {
	KeyPairs []KeyPairRow
	PageMark
}

// DescribeKeyPairs lists the caller's key pairs, newest first, at most 50 to a
// page. Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidParameter.
func (s *Session) DescribeKeyPairs(req DescribeKeyPairsRequest) (KeyPairsPage, error) {
	if err := s.permit("DescribeKeyPairs"); err != nil {
		return KeyPairsPage{}, err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkTagQuery(req.Tags)); err != nil {
		return KeyPairsPage{}, err
	}
	mark, err := pageMark(req.Pages, 50)
	if err != nil {
		return KeyPairsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := listedOf(&c.regions[req.RegionID].keys, s.caller.Account, func(k *keyPairState) bool {
		return globs(req.Name, k.row.Name) && (req.FingerPrint == "" || req.FingerPrint == k.row.FingerPrint) &&
			req.ResourceGroup == "" && hasTags(k.row.Tags, req.Tags)
	})
	mark.Total = len(found)
	page := KeyPairsPage{PageMark: mark}
	for _, k := range cut(found, mark) {
		row := k.row
		row.Tags = cloneTags(row.Tags)
		page.KeyPairs = append(page.KeyPairs, row)
	}
	return page, nil
}

// DeleteKeyPairs deletes up to a hundred key pairs, all or none; a name that is
// not there is passed over. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidKeyPairNames.ValueNotSupported, InstanceKeyPairLimitExceeded,
// InvalidParameter.KeypairAlreadyAttachedInstance.
func (s *Session) DeleteKeyPairs(regionID image.RegionID, names []string) error {
	if err := s.permit("DeleteKeyPairs"); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	switch {
	case len(names) == 0:
		return malformed(400, "InvalidKeyPairNames.ValueNotSupported", "The specified parameter KeyPairNames is not valid.")
	case len(names) > 100:
		return malformed(403, "InstanceKeyPairLimitExceeded", "The maximum number of key pairs in a request is exceeded.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[regionID], c.now()
	r.settle(now)
	for _, e := range r.instances.of(s.caller.Account).rows {
		if i := e.truth(); i != nil && i.row.KeyPair != "" && slices.Contains(names, i.row.KeyPair) {
			return wrongState(400, "InvalidParameter.KeypairAlreadyAttachedInstance", "The key pair is attached to an instance.")
		}
	}
	for _, e := range slices.Clone(r.keys.of(s.caller.Account).rows) {
		if k := e.truth(); k != nil && slices.Contains(names, k.row.Name) {
			r.keys.put(e, nil, now, now)
		}
	}
	r.keys.settle(now)
	return nil
}

// AttachKeyPairRequest are the parameters of AttachKeyPair and DetachKeyPair.
type AttachKeyPairRequest struct {
	RegionID    image.RegionID
	Name        string
	InstanceIDs []image.InstanceID
}

// KeyPairOutcome is what became of one instance: Refused is nil where it was done.
type KeyPairOutcome struct {
	InstanceID image.InstanceID
	Refused    *Refusal
}

// AttachKeyPair gives up to 50 instances a key pair in place of the one they
// have; those that cannot have it are told of in the outcomes. Refusals of the
// whole: MissingParameter, InvalidRegionId.NotFound, InvalidKeyPairName.NotFound,
// InvalidInstanceIds.ValueNotSupported, InstanceKeyPairLimitExceeded.
func (s *Session) AttachKeyPair(req AttachKeyPairRequest) ([]KeyPairOutcome, error) {
	return s.rekey("AttachKeyPair", req, func(row *InstanceRow) *Refusal {
		if row.OSType == image.Windows {
			return wrongState(403, "DependencyViolation.WindowsInstance", "The instance is Windows, cannot use a key pair to login.")
		}
		row.KeyPair = req.Name
		return nil
	})
}

// DetachKeyPair takes a key pair from up to 50 instances. Refusals as of
// AttachKeyPair; an instance with another key pair, or none, is told of in the
// outcomes.
func (s *Session) DetachKeyPair(req AttachKeyPairRequest) ([]KeyPairOutcome, error) {
	return s.rekey("DetachKeyPair", req, func(row *InstanceRow) *Refusal {
		if row.KeyPair != req.Name {
			return refuse(400, "InvalidKeyPairName.NotFound", "The specified KeyPairName does not exist on the instance.")
		}
		row.KeyPair = ""
		return nil
	})
}

func (s *Session) rekey(operation string, req AttachKeyPairRequest, change func(*InstanceRow) *Refusal) ([]KeyPairOutcome, error) {
	if err := s.permit(operation); err != nil {
		return nil, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return nil, err
	}
	switch {
	case req.Name == "":
		return nil, missing("KeyPairName")
	case len(req.InstanceIDs) == 0:
		return nil, malformed(400, "InvalidInstanceIds.ValueNotSupported", "The specified parameter InstanceIds is not valid.")
	case len(req.InstanceIDs) > 50:
		return nil, malformed(403, "InstanceKeyPairLimitExceeded", "The maximum number of instances in a request is exceeded.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	if !r.hasKeyPair(s.caller.Account, req.Name) {
		return nil, refuseAs(fault.NotFound, 400, "InvalidKeyPairName.NotFound", "The specified KeyPairName does not exist.")
	}
	outcomes := make([]KeyPairOutcome, len(req.InstanceIDs))
	for i, id := range req.InstanceIDs {
		outcomes[i] = KeyPairOutcome{id, r.rekeyed(s, id, change, now)}
	}
	return outcomes, nil
}

// rekeyed changes the key pair of one instance, or says why not.
func (r *region) rekeyed(s *Session, id image.InstanceID, change func(*InstanceRow) *Refusal, now time.Time) *Refusal {
	e, state := r.instances.owned(s.caller.Account, string(id))
	if state == nil {
		return refuse(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
	}
	next := *state
	switch status := state.at(now).Status; {
	case status != image.InstanceRunning && status != image.InstanceStopped:
		return wrongState(403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	}
	if no := change(&next.row); no != nil {
		return no
	}
	r.instances.put(e, &next, s.cloud.visibleFrom(e.id, now), now)
	return nil
}
