package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// request is what is posted to a target, and how its answer is read.
type request struct {
	url     string
	headers map[string]string
	body    []byte
}

// post makes the request that tells n to t. now is the time of the attempt, which
// is signed.
func (t Target) post(n Notice, now time.Time) (request, error) {
	m := write(n, t.Language)
	r := request{url: t.url.String(), headers: map[string]string{"Content-Type": "application/json; charset=utf-8"}}
	var body any
	switch t.Type {
	case DingTalk:
		body, r.url = dingTalkBody(m, t.Language), t.dingTalkURL(now)
	case Feishu:
		body = t.feishuBody(m, now)
	case Slack:
		body = slackBody(m, t.Language)
	default:
		body = webhookBody(n, m)
	}
	var err error
	if r.body, err = json.Marshal(body); err != nil {
		return r, err
	}
	if t.Type == Webhook {
		for name, value := range webhookHeaders(t.secret, n.ID, now, r.body) {
			r.headers[name] = value
		}
	}
	return r, nil
}

func sign(key []byte, message string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// dingTalkURL adds the signature of a custom robot: the secret is the key.
func (t Target) dingTalkURL(now time.Time) string {
	if len(t.secret) == 0 {
		return t.url.String()
	}
	at := strconv.FormatInt(now.UnixMilli(), 10)
	u := *t.url
	q := u.Query()
	q.Set("timestamp", at)
	q.Set("sign", sign(t.secret, at+"\n"+string(t.secret)))
	u.RawQuery = q.Encode()
	return u.String()
}

// dingTalkBody is of the type text, in which nothing is markup. Nobody is
// mentioned: at stays empty.
func dingTalkBody(m message, in Language) any {
	return map[string]any{
		"msgtype": "text",
		"text":    map[string]any{"content": m.text(in)},
		"at":      map[string]any{"atMobiles": []string{}, "atUserIds": []string{}, "isAtAll": false},
	}
}

// feishuBody is a card of plain text. Its signature has the text to sign as the
// key, and signs nothing.
func (t Target) feishuBody(m message, now time.Time) any {
	plain := func(s string) any { return map[string]any{"tag": "plain_text", "content": s} }
	elements := []any{map[string]any{"tag": "div", "text": plain(strings.Join(m.lines, "\n"))}}
	if m.link != "" {
		elements = append(elements, map[string]any{"tag": "action", "actions": []any{map[string]any{
			"tag": "button", "type": "primary", "url": m.link, "text": plain(words()[wordDetails][t.Language]),
		}}})
	}
	body := map[string]any{
		"msg_type": "interactive",
		"card":     map[string]any{"header": map[string]any{"title": plain(m.title)}, "elements": elements},
	}
	if len(t.secret) > 0 {
		at := strconv.FormatInt(now.Unix(), 10)
		body["timestamp"], body["sign"] = at, sign([]byte(at+"\n"+string(t.secret)), "")
	}
	return body
}

// slackBody has plain text in its blocks; in the text for notifications the three
// characters that Slack interprets are escaped.
func slackBody(m message, in Language) any {
	plain := func(s string) any { return map[string]any{"type": "plain_text", "text": s, "emoji": false} }
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	blocks := []any{map[string]any{"type": "header", "text": plain(m.title)}}
	if len(m.lines) > 0 {
		blocks = append(blocks, map[string]any{"type": "section", "text": plain(strings.Join(m.lines, "\n"))})
	}
	if m.link != "" {
		blocks = append(blocks, map[string]any{"type": "actions", "elements": []any{map[string]any{
			"type": "button", "text": plain(words()[wordDetails][in]), "url": m.link,
		}}})
	}
	return map[string]any{
		"text": escape.Replace(m.title), "blocks": blocks, "unfurl_links": false, "unfurl_media": false, "link_names": false,
	}
}

// webhookBody is an event of Standard Webhooks. Programs read it: its names are as
// they are.
func webhookBody(n Notice, m message) any {
	type item struct {
		Name     string `json:"name"`
		Code     string `json:"code,omitempty"`
		Sentence string `json:"sentence,omitempty"`
	}
	counts, items := map[CountName]int{}, []item{}
	for _, c := range n.Counts {
		counts[c.Name] = c.N
	}
	for _, i := range n.Items[:min(len(n.Items), mostItems)] {
		items = append(items, item(i))
	}
	type data struct {
		Function string            `json:"function"`
		Title    string            `json:"title"`
		Subject  string            `json:"subject,omitempty"`
		Counts   map[CountName]int `json:"counts"`
		Items    []item            `json:"items"`
		More     int               `json:"more"`
		DueAt    *time.Time        `json:"dueAt,omitempty"`
		Link     string            `json:"link,omitempty"`
	}
	d := data{n.Function, m.title, n.Subject, counts, items, max(0, len(n.Items)-mostItems), nil, n.Link}
	if !n.Due.IsZero() {
		due := n.Due.UTC()
		d.DueAt = &due
	}
	return map[string]any{"type": n.Kind, "timestamp": n.At.UTC().Format(time.RFC3339), "data": d}
}

// webhookHeaders sign the bytes of a body.
func webhookHeaders(key []byte, id string, now time.Time, body []byte) map[string]string {
	at := strconv.FormatInt(now.Unix(), 10)
	return map[string]string{
		"Webhook-Id": id, "Webhook-Timestamp": at,
		"Webhook-Signature": "v1," + sign(key, fmt.Sprintf("%s.%s.%s", id, at, body)),
	}
}

// reveals reports whether a text shows an address or a secret of a target.
func (t Target) reveals(text string) bool {
	if len(t.secret) > 0 && strings.Contains(text, string(t.secret)) {
		return true
	}
	for _, values := range t.url.Query() {
		for _, v := range values {
			if len(v) >= 8 && (strings.Contains(text, v) || strings.Contains(text, url.QueryEscape(v))) {
				return true
			}
		}
	}
	return len(t.url.Path) >= 8 && strings.Contains(text, t.url.Path)
}
