package ecsapi

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type keyPairAnswer struct {
	receipt
	KeyPairName        string
	KeyPairFingerPrint string
	KeyPairID          string `json:"KeyPairId,omitempty"`
	PrivateKeyBody     string `json:",omitempty"`
}

func (c *call) keyPair() cloudsim.CreateKeyPairRequest {
	return cloudsim.CreateKeyPairRequest{RegionID: image.RegionID(c.parameters.text("RegionId")), Name: c.parameters.text("KeyPairName"), Tags: c.tags()}
}

func createKeyPair(c *call) (answer, error) {
	row, err := c.session.CreateKeyPair(c.keyPair())
	if err != nil {
		return nil, err
	}
	private, err := privateKey()
	if err != nil {
		return nil, err
	}
	return &keyPairAnswer{KeyPairName: row.Name, KeyPairFingerPrint: fingerPrint(row), KeyPairID: row.ID, PrivateKeyBody: private}, nil
}

// privateKey is one that nobody has the other half of: there is nothing to log
// into here.
func privateKey() (string, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})), nil
}

// fingerPrint is in pairs of digits, as the vendor writes it.
func fingerPrint(row cloudsim.KeyPairRow) string {
	var pairs []string
	for at := 0; at+2 <= len(row.FingerPrint); at += 2 {
		pairs = append(pairs, row.FingerPrint[at:at+2])
	}
	return strings.Join(pairs, ":")
}

func importKeyPair(c *call) (answer, error) {
	req := c.keyPair()
	req.PublicKey = c.parameters.text("PublicKeyBody")
	row, err := c.session.ImportKeyPair(req)
	if err != nil {
		return nil, err
	}
	return &keyPairAnswer{KeyPairName: row.Name, KeyPairFingerPrint: fingerPrint(row)}, nil
}

type keyPairsAnswer struct {
	receipt
	pageNumbers
	KeyPairs struct{ KeyPair rows[wireKeyPair] }
}

type wireKeyPair struct {
	KeyPairName        string
	KeyPairFingerPrint string
	PublicKey          string
	CreationTime       string
	ResourceGroupID    string `json:"ResourceGroupId"`
	Tags               wireTags
}

func (a *keyPairsAnswer) content() editable { return &a.KeyPairs.KeyPair }
func (a *keyPairsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeKeyPairs(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeKeyPairs(cloudsim.DescribeKeyPairsRequest{
		RegionID: image.RegionID(p.text("RegionId")), Name: p.text("KeyPairName"), FingerPrint: strings.ReplaceAll(p.text("KeyPairFingerPrint"), ":", ""),
		ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	public := p.flag("IncludePublicKey")
	a := &keyPairsAnswer{pageNumbers: marked(page.PageMark)}
	a.KeyPairs.KeyPair = rowsOf(page.KeyPairs, func(row cloudsim.KeyPairRow) wireKeyPair {
		out := wireKeyPair{KeyPairName: row.Name, KeyPairFingerPrint: fingerPrint(row), CreationTime: toMinute(row.CreatedAt), Tags: tagsOnWire(row.Tags)}
		if public {
			out.PublicKey = row.PublicKey
		}
		return out
	})
	return a, nil
}

func deleteKeyPairs(c *call) (answer, error) {
	return finished(c.session.DeleteKeyPairs(image.RegionID(c.parameters.text("RegionId")), c.parameters.ids("KeyPairNames")))
}

type attachAnswer struct {
	receipt
	KeyPairName string
	TotalCount  string
	FailCount   string
	Results     struct{ Result []wireAttached }
}

type wireAttached struct {
	InstanceID string `json:"InstanceId"`
	Code       string
	Message    string
	Success    string
}

func attachKeyPair(c *call) (answer, error) { return c.rekey(c.session.AttachKeyPair) }
func detachKeyPair(c *call) (answer, error) { return c.rekey(c.session.DetachKeyPair) }

func (c *call) rekey(do func(cloudsim.AttachKeyPairRequest) ([]cloudsim.KeyPairOutcome, error)) (answer, error) {
	p := c.parameters
	name := p.text("KeyPairName")
	outcomes, err := do(cloudsim.AttachKeyPairRequest{
		RegionID: image.RegionID(p.text("RegionId")), Name: name, InstanceIDs: given[image.InstanceID](p.ids("InstanceIds")),
	})
	if err != nil {
		return nil, err
	}
	a, failed := &attachAnswer{KeyPairName: name, TotalCount: strconv.Itoa(len(outcomes))}, 0
	a.Results.Result = rowsOf(outcomes, func(o cloudsim.KeyPairOutcome) wireAttached {
		out := wireAttached{string(o.InstanceID), "200", "successful", "true"}
		if o.Refused != nil {
			failed++
			out.Code, out.Message, out.Success = o.Refused.Code, o.Refused.Message, "false"
		}
		return out
	})
	a.FailCount = strconv.Itoa(failed)
	return a, nil
}
