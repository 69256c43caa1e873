package function_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// asFunction makes this test binary run as the sample function.
const asFunction = "IMAGEKEEPER_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		function.Serve("sample", open)
		return
	}
	os.Exit(m.Run())
}

type settings struct {
	Regions []string        `env:"REGIONS" default:"cn-hangzhou" validate:"max=2"`
	Token   function.Secret `env:"SAMPLE_TOKEN" validate:"omitempty,min=8"`
}

func open(look function.Lookup) (*function.Function, error) {
	if _, err := function.Configure[settings](look); err != nil {
		return nil, err
	}
	return sample(), nil
}

// colour reads itself from text.
type colour string

func (c *colour) UnmarshalText(text []byte) error {
	if string(text) != "red" && string(text) != "blue" {
		return fault.New(fault.Invalid, "must be red or blue")
	}
	*c = colour(text)
	return nil
}

type paging struct {
	Limit *int `json:"limit" validate:"omitempty,min=1,max=1000" doc:"At most that many"`
	function.Table
}

// query has a field of every kind that a parameter can be.
type query struct {
	paging
	ID       string            `json:"id" validate:"omitempty,thingid"`
	OSType   string            `json:"osType" validate:"omitempty,oneof=linux windows"`
	Name     string            `json:"name" validate:"max=8"`
	Big      int64             `json:"big"`
	Small    uint8             `json:"small"`
	Ratio    float64           `json:"ratio" validate:"gte=0,lt=1"`
	On       bool              `json:"on"`
	Maybe    *bool             `json:"maybe"`
	After    time.Time         `json:"after"`
	Before   time.Time         `json:"before" validate:"omitempty,gtfield=After"`
	Kinds    []string          `json:"kinds,omitempty" validate:"max=3,unique,dive,oneof=a b c d"`
	Numbers  []int             `json:"numbers,omitempty"`
	Colour   colour            `json:"colour"`
	Tags     map[string]string `json:"tags,omitempty" query:"tag." validate:"dive,keys,max=4,endkeys,max=9"`
	Internal string            `json:"internal" query:"-"`
}

type account struct {
	ID    string     `json:"id" validate:"required,numeric"`
	Until *time.Time `json:"until,omitempty"`
}

type order struct {
	ID       string    `json:"id" query:"-"`
	Name     string    `json:"name" query:"-" validate:"required"`
	Count    int       `json:"count" validate:"max=10"`
	DryRun   bool      `json:"dryRun"`
	Accounts []account `json:"accounts" validate:"max=3,dive"`
	Region   string    `json:"region"`
	Apply    *approval `json:"apply,omitempty"`
}

type approval struct {
	Digest string `json:"digest"`
}

type erasure struct {
	ID string `json:"id"`
}

// made is an answer with a status and headers of its own.
type made struct {
	order
}

func (m made) HTTPStatus() int { return http.StatusCreated }

func (m made) HTTPHeader() http.Header {
	// A name with a tilde makes this operation put line breaks into a header.
	return http.Header{"location": {"/things/" + strings.ReplaceAll(m.Name, "~", "\r\n")}, "X-Two": {"a", "b"}}
}

// table is an answer in every format.
type table struct {
	Items []string `json:"items"`
}

func (t table) Rows() ([]string, iter.Seq[[]string]) {
	return []string{"name", "length"}, func(yield func([]string) bool) {
		for _, name := range t.Items {
			if !yield([]string{name, fmt.Sprint(len(name))}) {
				return
			}
		}
	}
}

func (t table) Lines() iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, name := range t.Items {
			if !yield(map[string]string{"name": name}) {
				return
			}
		}
	}
}

type text struct {
	Text string `json:"text"`
}

type failure struct {
	Kind  string `json:"kind"`
	Plain bool   `json:"plain"`
}

type waiting struct {
	Honour bool `json:"honour"`
}

type caller struct {
	RequestID, AccountID, Region, Key, Source, Printed, Caller string
	Secret, Token                                              string
	Milliseconds, Memory                                       int64
	Collector                                                  uint64
}

func fail(_ context.Context, _ function.Call, in failure) (text, error) {
	cause := errors.New("dial tcp: AccessKeyId=LTAI5tExampleExample&Password=Pa55word%21")
	if in.Plain {
		return text{}, cause
	}
	e := fault.Wrap(fault.Kind(in.Kind), cause, "the cloud said no")
	e.RequestID = "VENDOR-1"
	return text{}, fmt.Errorf("find: %w", e)
}

func wait(ctx context.Context, _ function.Call, in waiting) (text, error) {
	if in.Honour {
		<-ctx.Done()
		return text{}, ctx.Err()
	}
	select {} // never ends, whatever the context says
}

func who(_ context.Context, call function.Call, _ struct{}) (caller, error) {
	call.Log.Warn("asked", "accessKeySecret", string(call.Credentials.Secret), "call", fmt.Sprintf("%+v", call.Credentials))
	return caller{
		Caller:    fmt.Sprint(call.Caller.Subject, " ", call.Caller.Issuer, " ", call.Caller.Roles),
		RequestID: call.RequestID, AccountID: call.AccountID, Region: call.Region, Source: string(call.Source),
		Key: call.Credentials.AccessKeyID, Secret: string(call.Credentials.Secret), Token: string(call.Credentials.SecurityToken),
		Printed: fmt.Sprintf("%v %+v %#v", call.Credentials, call.Credentials, call.Credentials), Milliseconds: time.Until(call.Deadline).Milliseconds(),
		Memory: debug.SetMemoryLimit(-1), Collector: collector(),
	}, nil
}

// collector is how much, in percent, Go's collector lets come together.
func collector() uint64 {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64()
}

func echo[T any](_ context.Context, _ function.Call, in T) (T, error) { return in, nil }

func things(_ context.Context, _ function.Call, in paging) (table, error) {
	if in.Limit != nil && *in.Limit == 1 {
		return table{Items: []string{strings.Repeat("<", 7<<20)}}, nil
	}
	return table{Items: []string{"plain", "=1+1", "+1", "-1", "@x", "\tx", "a,\"b\"\r\nc", "<&>"}}, nil
}

func sample() *function.Function {
	get := func(name, pattern string) function.Spec {
		return function.Spec{Name: "sample." + name, Pattern: "GET " + pattern, Summary: "A sample"}
	}
	return function.New("sample",
		function.Handle(get("things", "/things"), things),
		function.Handle(get("thing", "/things/{id}"), func(_ context.Context, _ function.Call, in query) (query, error) {
			in.Fields = append([]string{}, in.Fields...) // an array also where nothing was chosen
			return in, nil
		}),
		function.Handle(function.Spec{Name: "sample.make", Pattern: "POST /things", ApplyRole: function.Operator, Success: []int{http.StatusCreated}},
			func(_ context.Context, _ function.Call, in order) (made, error) { return made{in}, nil }),
		function.Handle(function.Spec{Name: "sample.change", Pattern: "PUT /things/{id}", ApplyRole: function.Fleet}, echo[order]),
		function.Handle(function.Spec{Name: "sample.erase", Pattern: "POST /things/{id}/erasure", Role: function.Reaper}, echo[erasure]),
		function.Handle(function.Spec{Name: "sample.direct"}, echo[text]),
		function.Handle(get("fail", "/failures/{kind}"), fail),
		function.Handle(get("panic", "/panic"), func(context.Context, function.Call, struct{}) (text, error) {
			panic("db password=hunter2")
		}),
		function.Handle(get("panicApart", "/panic/apart"), func(context.Context, function.Call, struct{}) (text, error) {
			var g fanout.Group
			g.Go(func() { panic("db password=hunter2") })
			g.Wait()
			return text{}, nil
		}),
		function.Handle(get("wait", "/wait"), wait),
		function.Handle(get("who", "/who"), who),
		function.OnTimer("nightly", echo[function.Tick]),
		function.OnObjects(echo[[]function.Object]),
		function.OnEvent("ecs:Instance:StateChange", echo[function.Event[struct {
			ResourceID string `json:"resourceId"`
		}]]),
	).With(function.Rule{Tag: "thingid", Pattern: `^t-[a-z0-9 é]{1,8}$`, Sentence: "must be a thing's id, such as t-1"})
}
