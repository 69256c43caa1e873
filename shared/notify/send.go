package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fanout"
)

// Sender posts notices. It is safe for concurrent use; what it knows of the rates
// of targets lasts as long as it does.
type Sender struct {
	// Client sends; it must not follow redirects. See NewClient.
	Client *http.Client
	// Now and Sleep are the clock; Sleep returns early, with an error, when its
	// context ends.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error

	mu   sync.Mutex
	sent map[string][]time.Time
}

// NewClient follows no redirect and waits no longer than a target may take.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       attemptTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

const (
	attemptTime  = 15 * time.Second
	mostAttempts = 4
	mostAnswer   = 16 << 10
)

// pauses are those between attempts; how many there are is for the caller's time
// to say.
func pauses() []time.Duration {
	return []time.Duration{time.Second, 5 * time.Second, 20 * time.Second}
}

// Send tells n to every target, all at the same time, for as long as ctx has time.
// What became of it is told for each, in their order; Send itself does not fail.
func (s *Sender) Send(ctx context.Context, targets []Target, n Notice) []Delivery {
	told := make([]Delivery, len(targets))
	var group fanout.Group
	for i, t := range targets {
		group.Go(func() { told[i] = s.deliver(ctx, t, n) })
	}
	group.Wait()
	return told
}

func (s *Sender) deliver(ctx context.Context, t Target, n Notice) Delivery {
	d := Delivery{Target: t.Name}
	for d.Attempts < mostAttempts {
		if wait := s.turn(t); wait > 0 {
			d.Code, d.Sentence, d.Again = "rateLimited", fmt.Sprintf("%s takes no more messages for now", t.Type), true
			if !s.pause(ctx, wait) {
				return d
			}
			continue
		}
		d.Attempts++
		v := s.attempt(ctx, t, n)
		d.Delivered, d.Code, d.Sentence, d.Again = v.delivered, v.code, v.sentence, v.again
		if d.Delivered || !d.Again || d.Attempts == mostAttempts || !s.pause(ctx, max(v.wait, pauses()[d.Attempts-1])) {
			return d
		}
	}
	return d
}

// pause waits, if there is time enough to do something afterwards.
func (s *Sender) pause(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && !s.Now().Add(d+time.Second).Before(end) {
		return false
	}
	return s.Sleep(ctx, d) == nil
}

// rate is how many messages a target takes in a time.
func (t Target) rate() (int, time.Duration) {
	switch t.Type {
	case DingTalk:
		return 20, time.Minute
	case Feishu:
		return 5, time.Second
	case Slack:
		return 1, time.Second
	}
	return 10, time.Second
}

// turn takes a place for a message, or says how long there is none.
func (s *Sender) turn(t Target) time.Duration {
	most, per := t.rate()
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.sent = map[string][]time.Time{}
	}
	recent := s.sent[t.Name]
	for len(recent) > 0 && !recent[0].Add(per).After(now) {
		recent = recent[1:]
	}
	s.sent[t.Name] = recent
	if len(recent) >= most {
		return recent[0].Add(per).Sub(now)
	}
	s.sent[t.Name] = append(recent, now)
	return 0
}

// verdict is what one attempt came to.
type verdict struct {
	delivered      bool
	code, sentence string
	again          bool
	wait           time.Duration
}

func (s *Sender) attempt(ctx context.Context, t Target, n Notice) verdict {
	r, err := t.post(n, s.Now())
	if err != nil {
		return verdict{code: "notWritten", sentence: "the message could not be written"}
	}
	ctx, end := context.WithTimeout(ctx, attemptTime)
	defer end()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return verdict{code: "notWritten", sentence: "the address of the target cannot be used"}
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	answer, err := s.Client.Do(req)
	if err != nil {
		// The error has the address in it, and with it the secret.
		code, what := "unreachable", "could not be reached"
		if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			code, what = "noAnswer", "did not answer in time"
		}
		return verdict{code: code, sentence: "the target " + what, again: true}
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return verdict{code: "noAnswer", sentence: "the target's answer broke off", again: true}
	}
	return t.judge(answer.StatusCode, answer.Header, body)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// judge reads the answer of a target: delivered is what it calls so itself.
func (t Target) judge(status int, headers http.Header, body []byte) verdict {
	switch {
	case status >= 300 && status < 400:
		return verdict{code: "redirected", sentence: fmt.Sprintf("the target answers %d and points elsewhere, which is not followed", status)}
	case status == http.StatusTooManyRequests || status >= 500:
		return verdict{code: fmt.Sprintf("status%d", status), sentence: fmt.Sprintf("the target answers %d", status), again: true, wait: retryAfter(headers)}
	case status < 200 || status >= 300:
		return verdict{code: fmt.Sprintf("status%d", status), sentence: fmt.Sprintf("the target answers %d: %s", status, t.quote(body))}
	}
	switch t.Type {
	case DingTalk:
		return t.judgeCode(body, "errcode", dingTalkBusy())
	case Feishu:
		return t.judgeCode(body, "code", feishuBusy())
	case Slack:
		if strings.TrimSpace(string(body)) == "ok" {
			return verdict{delivered: true}
		}
		return verdict{code: "refused", sentence: "the target answers: " + t.quote(body)}
	}
	return verdict{delivered: true}
}

// dingTalkBusy and feishuBusy are the codes after which it works later, and when.
// Every other one has to be mended by somebody.
func dingTalkBusy() map[int]time.Duration {
	return map[int]time.Duration{-1: time.Minute, 130101: time.Minute, 410100: time.Minute}
}

func feishuBusy() map[int]time.Duration { return map[int]time.Duration{11232: 5 * time.Second} }

// judgeCode goes by the code in an answer: 0 alone is success.
func (t Target) judgeCode(body []byte, field string, busy map[int]time.Duration) verdict {
	var members map[string]json.RawMessage
	code, err := 0, json.Unmarshal(body, &members)
	if err == nil {
		code, err = strconv.Atoi(string(members[field]))
	}
	if err != nil {
		return verdict{code: "notUnderstood", sentence: "the target answers something else than a result: " + t.quote(body)}
	}
	wait, later := busy[code]
	switch {
	case code == 0:
		return verdict{delivered: true}
	case later:
		return verdict{code: strconv.Itoa(code), sentence: "the target is busy: " + t.quote(body), again: true, wait: wait}
	}
	return verdict{code: strconv.Itoa(code), sentence: "the target refuses: " + t.quote(body)}
}

// quote is what a target said, without what it must not show.
func (t Target) quote(body []byte) string {
	text := string(body)
	if t.reveals(text) {
		return "(its text shows a secret)"
	}
	return Inert(text)
}

func retryAfter(headers http.Header) time.Duration {
	seconds, err := strconv.Atoi(headers.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
