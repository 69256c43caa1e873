package ossapi

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
)

// postObject answers PostObject: an object as the file of a form, as pages send
// it. Who asks, and what for, stands in the fields in front of it.
func postObject(s *Server, c *call) error {
	reader, err := c.request.MultipartReader()
	if err != nil {
		return malformedForm()
	}
	f, err := readForm(c, reader)
	if err != nil {
		return err
	}
	c.key = f.key()
	if err := s.identifyForm(c, f); err != nil {
		return err
	}
	if err := f.checkPolicy(c.bucket, s.clock.Now()); err != nil {
		return err
	}
	tags, err := tagsOf(f.fields["x-oss-tagging"])
	if err != nil {
		return err
	}
	o, err := c.session.PutObject(cloudsim.PutObjectRequest{
		Bucket: c.bucket, Key: c.key, Content: f.file, Form: true, ForbidOverwrite: f.fields["x-oss-forbid-overwrite"] == "true",
		Settings: cloudsim.ObjectSettings{
			ContentType: f.contentType, Meta: f.meta(), Tags: tags, ACL: cloudsim.ACL(f.fields["x-oss-object-acl"]),
			StorageClass: cloudsim.StorageClass(f.fields["x-oss-storage-class"]),
			Encryption:   cloudsim.ObjectEncryption{Algorithm: f.fields["x-oss-server-side-encryption"], KeyID: f.fields["x-oss-server-side-encryption-key-id"]},
		},
	})
	if err != nil {
		return err
	}
	c.written(o)
	return c.posted(f, o)
}

// posted answers as the form asks.
func (c *call) posted(f form, o cloudsim.Object) error {
	if to := f.fields["success_action_redirect"]; to != "" {
		c.set("Location", to)
		return c.done(http.StatusSeeOther)
	}
	location := "http://" + c.request.Host + "/" + c.bucket + "/" + c.key
	c.set("Location", location)
	switch f.fields["success_action_status"] {
	case "200":
		return c.done(http.StatusOK)
	case "201":
		return c.xml(http.StatusCreated, struct {
			XMLName  xml.Name `xml:"PostResponse"`
			Bucket   string
			Location string
			Key      string
			ETag     string
		}{Bucket: c.bucket, Location: location, Key: c.key, ETag: `"` + o.ETag + `"`})
	}
	return c.done(http.StatusNoContent)
}

// form is what a form says; names are in small letters.
type form struct {
	fields      map[string]string
	file        cloudsim.Content
	fileName    string
	contentType string
}

func malformedForm() error {
	return refused(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
}

// readForm reads a form up to and with its file, which is the last field.
func readForm(c *call, reader *multipart.Reader) (form, error) {
	f := form{fields: map[string]string{}}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return f, refused(400, "IncorrectNumberOfFilesInPOSTRequest", "POST requires exactly one file upload per request.")
		}
		if err != nil {
			return f, malformedForm()
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			f.fileName, f.contentType = part.FileName(), part.Header.Get("Content-Type")
			if said := f.fields["content-type"]; said != "" {
				f.contentType = said
			}
			f.file, err = cloudsim.ReadContent(io.LimitReader(part, c.limit+1))
			switch {
			case err != nil:
				return f, malformedForm()
			case f.file.Size() > c.limit:
				return f, refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
			}
			return f, nil
		}
		text, err := io.ReadAll(io.LimitReader(part, maxForm))
		if err != nil {
			return f, malformedForm()
		}
		f.fields[name] = string(text)
	}
}

// key is the object's; ${filename} in it stands for the name of the file.
func (f form) key() string { return strings.ReplaceAll(f.fields["key"], "${filename}", f.fileName) }

func (f form) meta() map[string]string {
	meta := map[string]string{}
	for name, value := range f.fields {
		if rest, ok := strings.CutPrefix(name, "x-oss-meta-"); ok {
			meta[rest] = value
		}
	}
	return meta
}

// identifyForm finds out who asks, by the signature of the form's policy. Without
// one it is nobody, who may write where everybody may.
func (s *Server) identifyForm(c *call, f form) error {
	policy := f.fields["policy"]
	switch {
	case f.fields["x-oss-signature-version"] == algorithmV4:
		claim, scope, err := c.claimV4(f.fields["x-oss-credential"], f.fields["x-oss-date"])
		if err != nil {
			return err
		}
		claim.from, claim.until = claim.from.Add(-skew), claim.from.Add(longestForm)
		claim.signature, claim.token, claim.text = f.fields["x-oss-signature"], f.fields["x-oss-security-token"], policy
		claim.sign = func(secret string) string { return signV4(secret, scope, policy) }
		return s.verify(c, claim)
	case f.fields["ossaccesskeyid"] != "":
		return s.verify(c, signed{
			accessKeyID: f.fields["ossaccesskeyid"], signature: f.fields["signature"], token: f.fields["x-oss-security-token"],
			until: s.clock.Now().Add(skew), text: policy,
			sign: func(secret string) string { return signV1(secret, policy) },
		})
	case policy != "":
		return refused(403, "AccessDenied", "Bucket POST must contain the field 'OSSAccessKeyId'. If it is specified, please check the order of the fields.")
	}
	return s.anonymous(c)
}

// longestForm is how long a form that is signed in the newer way is good.
const longestForm = 7 * 24 * time.Hour

// checkPolicy checks what the form says against what its signer allowed.
func (f form) checkPolicy(bucket string, now time.Time) error {
	if f.fields["policy"] == "" {
		return nil
	}
	text, err := base64.StdEncoding.DecodeString(f.fields["policy"])
	if err != nil {
		return invalidPolicy("Invalid Policy: Invalid Base64 Encoding.")
	}
	var policy struct {
		Expiration time.Time         `json:"expiration"`
		Conditions []json.RawMessage `json:"conditions"`
	}
	if json.Unmarshal(text, &policy) != nil || policy.Expiration.IsZero() || policy.Conditions == nil {
		return invalidPolicy("Invalid Policy: Invalid JSON.")
	}
	if now.After(policy.Expiration) {
		return refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
	}
	for _, condition := range policy.Conditions {
		if err := f.holds(bucket, condition); err != nil {
			return err
		}
	}
	return nil
}

func invalidPolicy(message string) error { return refused(400, "InvalidPolicyDocument", message) }

// holds checks one condition: {"field":"value"}, ["eq","$field","value"],
// ["starts-with","$field","prefix"] or ["content-length-range",least,most].
func (f form) holds(bucket string, condition json.RawMessage) error {
	var exact map[string]string
	if json.Unmarshal(condition, &exact) == nil {
		for name, want := range exact {
			if f.value(bucket, name) != want {
				return policyFails("eq", name, want)
			}
		}
		return nil
	}
	var words []any
	if json.Unmarshal(condition, &words) != nil || len(words) != 3 {
		return invalidPolicy("Invalid Policy: Invalid condition.")
	}
	kind, name, want := fmt.Sprint(words[0]), strings.TrimPrefix(fmt.Sprint(words[1]), "$"), fmt.Sprint(words[2])
	got := f.value(bucket, name)
	switch strings.ToLower(kind) {
	case "content-length-range":
		least, small := words[1].(float64)
		most, large := words[2].(float64)
		if size := float64(f.file.Size()); !small || !large || size < least || size > most {
			return policyFails(kind, strconv.FormatInt(f.file.Size(), 10), want)
		}
		return nil
	case "eq":
		if got == want {
			return nil
		}
	case "starts-with":
		if strings.HasPrefix(got, want) {
			return nil
		}
	default:
		return invalidPolicy("Invalid Policy: Unknown condition.")
	}
	return policyFails(kind, name, want)
}

func policyFails(kind, name, want string) error {
	return refused(403, "AccessDenied", fmt.Sprintf("Invalid according to Policy: Policy Condition failed: [%q, %q, %q]", kind, "$"+name, want))
}

// value is what the form says in a field.
func (f form) value(bucket, name string) string {
	switch name = strings.ToLower(name); name {
	case "bucket":
		return bucket
	case "key":
		return f.key()
	}
	return f.fields[name]
}
