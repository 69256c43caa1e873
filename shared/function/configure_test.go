package function_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

type endpoints struct {
	ECS string `env:"ECS_ENDPOINT" validate:"omitempty,url"`
}

type environment struct {
	endpoints
	Endpoints endpoints
	Regions   []string        `env:"REGIONS" default:"cn-hangzhou,cn-shanghai" validate:"max=3,dive,min=3"`
	Share     float64         `env:"ECS_RATE_SHARE" default:"0.3" validate:"gt=0,lte=1"`
	Wait      time.Duration   `env:"WAIT" default:"90s"`
	Count     int             `env:"COUNT"`
	Colour    colour          `env:"COLOUR"`
	Token     function.Secret `env:"TOKEN" validate:"omitempty,min=8"`
	Pin       int             `env:"PIN" secret:"true"`
	Must      string          `env:"MUST" validate:"required"`
	Plain     string
}

func from(values map[string]string) function.Lookup {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// TestDocumentsInVariables: a document may have lines; other texts may not.
func TestDocumentsInVariables(t *testing.T) {
	t.Parallel()
	type variables struct {
		Rules function.Lines `env:"RULES"`
		Name  string         `env:"NAME"`
	}
	look := func(values map[string]string) function.Lookup {
		return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	}
	got, err := function.Configure[variables](look(map[string]string{"RULES": "rules:\n  - name: a\n"}))
	if err != nil || got.Rules != "rules:\n  - name: a\n" {
		t.Errorf("%q, %v", got.Rules, err)
	}
	if _, err := function.Configure[variables](look(map[string]string{"NAME": "a\nb"})); err == nil {
		t.Error("a name of two lines was taken")
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	got, err := function.Configure[environment](from(map[string]string{
		"MUST": "x", "ECS_ENDPOINT": "https://ecs.example", "WAIT": "", "COUNT": "7", "COLOUR": "red", "TOKEN": "long enough", "PIN": "1234",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := environment{
		endpoints: endpoints{"https://ecs.example"}, Endpoints: endpoints{"https://ecs.example"}, Regions: []string{"cn-hangzhou", "cn-shanghai"}, Share: 0.3,
		Wait: 90 * time.Second, Count: 7, Colour: "red", Token: "long enough", Pin: 1234, Must: "x",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(environment{})); diff != "" {
		t.Error(diff)
	}
}

func TestConfigureNamesTheVariable(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"REGIONS": "cn-a,b", "ECS_RATE_SHARE": "2", "WAIT": "soon", "COUNT": "many", "COLOUR": "green",
		"TOKEN": "hush", "PIN": "hush", "MUST": "", "ECS_ENDPOINT": "nowhere",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]string{"MUST": "x"}
			values[name] = value
			_, err := function.Configure[environment](from(values))
			var e *fault.Error
			if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != name && !strings.HasPrefix(e.Field, name+"[") {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the secret is told: %v", err)
			}
		})
	}
}

// TestConfigureTellsNoPassword: who logs on stands in addresses, too.
func TestConfigureTellsNoPassword(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"oss://key:hush@bucket/x", "a,oss://hush@b@c", "https://u:hush@host,https://v:hush@host"} {
		_, err := function.Configure[environment](from(map[string]string{"MUST": "x", "COLOUR": value}))
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", value, err)
		}
	}
}
