package main

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// What a boot test costs is known before it, and what costs more is refused.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		w := wish("web-1")
		test, _ := w["test"].(map[string]any)
		test["maxCost"] = "100"
		p := s.call("imports.post", w)
		c := p.Totals.Cost
		if !p.Plan.Applicable || c.TestOnce == "" || c.TestOnce == "0" || c.LicenceHourly != "0" || c.Currency != "CNY" || len(c.Storage) != 1 || c.StorageMonthly != "" {
			t.Errorf("%+v, %+v", c, p.Findings)
		}
		test["maxCost"] = "0.01"
		if p := s.call("imports.post", w); p.Plan.Applicable || !found(p, "costTooHigh") {
			t.Errorf("%+v", p.Findings)
		}
		image, _ := w["image"].(map[string]any)
		image["platform"], test["maxCost"] = "Red Hat", "100"
		if p := s.call("imports.post", w); p.Plan.Applicable || !found(p, "costUnknown") {
			t.Errorf("%+v", p.Findings)
		}
	})
}

func found(a answer, code string) bool {
	return slices.ContainsFunc(a.Findings, func(f image.Finding) bool { return f.Code == code })
}

// misfortune is something that happens during an import, and how that ends.
type misfortune struct {
	// happens is told of each call that came through; the first time it returns true
	// is the last.
	happens func(s *stage, m met) bool
	fates   func(m met) error
	options cloudsim.Options
	home    string // the reason at home; empty: applied
	away    string
	nothing bool // nothing is left
}

// as is a misfortune that comes once a call of a name came through.
func as(name string, do func(s *stage)) func(*stage, met) bool {
	return func(s *stage, m met) bool {
		if m.name == name {
			do(s)
		}
		return m.name == name
	}
}

// boots has instances of the import's image come up in a way.
func boots(boot cloudsim.Boot) func(*stage, met) bool {
	return as("ImportImage", func(s *stage) {
		for _, i := range s.things("cn-hangzhou").images {
			s.cloud.SetBoot(i.ID, boot)
		}
	})
}

// refusing refuses calls of a name with a code.
func refusing(name, code string) func(met) error {
	return func(m met) error {
		if m.name == name {
			return fault.New(fault.Precondition, "refused").WithCode(code)
		}
		return nil
	}
}

func misfortunes() map[string]misfortune {
	return map[string]misfortune{
		"the object is swapped": {
			happens: as("ImportImage", func(s *stage) { s.upload("incoming/web.raw", 7) }), home: "sourceChanged", away: "homeFailed", nothing: true,
		},
		"the object is swapped, and swapped back": {
			happens: as("ImportImage", func(s *stage) {
				s.upload("incoming/web.raw", 7)
				time.Sleep(time.Minute)
				s.upload("incoming/web.raw", 0x83)
			}), home: "sourceChanged", away: "homeFailed", nothing: true,
		},
		"the object is gone": {
			happens: as("ImportImage", func(s *stage) {
				if _, err := s.session().DeleteObject(cloudsim.ObjectName{Bucket: bucket, Key: "incoming/web.raw"}); err != nil {
					s.t.Error(err)
				}
			}), home: "sourceChanged", away: "homeFailed", nothing: true,
		},
		"the quota is reached since the plan": {fates: refusing("ImportImage", "QuotaExceed.Image"), home: "QuotaExceed.Image", away: "homeFailed", nothing: true},
		"a copy fails":                        {fates: refusing("CopyImage", "QuotaExceed.Image"), away: "QuotaExceed.Image"},
		"an account is refused":               {fates: refusing("Permit", "InvalidAccount.NotFound"), home: "InvalidAccount.NotFound", away: "InvalidAccount.NotFound"},
		"the instance never comes up":         {happens: boots(cloudsim.BootNever), home: "bootFailed", away: "homeFailed"},
		"its assistant is silent":             {happens: boots(cloudsim.BootSilent), home: "assistantSilent", away: "homeFailed"},
		"the command fails":                   {happens: boots(cloudsim.BootCommandFails), home: "commandFailed", away: "homeFailed"},
		"no instance can be had":              {fates: refusing("Launch", "OperationDenied.NoStock"), home: "OperationDenied.NoStock", away: "homeFailed"},
		"the instance cannot be deleted":      {fates: refusing("Terminate", "OperationDenied"), home: "OperationDenied", away: "homeFailed"},
	}
}

// What happens during an import ends it with its reason in the region that it is of,
// nobody gets what did not pass, and no instance stays.
func TestMisfortunes(t *testing.T) {
	for name, c := range misfortunes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { befalls(t, c) })
		})
	}
}

func befalls(t *testing.T, c misfortune) {
	s := newStageOf(t, c.options)
	story := s.begin(wish("web-1"))
	var over atomic.Bool
	s.arm(func(m met) (fate, how) {
		if c.fates != nil {
			if err := c.fates(m); err != nil {
				return refused, how{err: err}
			}
		}
		return passes, how{}
	}, func(m met, err error) {
		if err == nil && c.happens != nil && !over.Load() && c.happens(s, m) {
			over.Store(true)
		}
	})
	a := story.live(300, 5)
	for n, want := range []string{c.home, c.away} {
		got := ""
		if r := a.Items[n].Reason; r != nil {
			got = r.Code
		}
		if got != want || (want == "") != (a.Items[n].Result == "applied") {
			t.Errorf("%s: %s %q, and not %q", a.Items[n].RegionID, a.Items[n].Result, got, want)
		}
	}
	if want := map[bool]work.State{true: work.Failed, false: work.Partly}[c.home != ""]; a.State != want {
		t.Errorf("it is %s", a.State)
	}
	if c.nothing {
		s.nothing()
	}
	time.Sleep(2 * time.Hour)
	if is := s.things("cn-hangzhou"); len(is.instances) > 0 {
		t.Errorf("left: %v", is.instances)
	}
	if _, _, err := s.cloud.View(own).Look(t.Context(), image.Ref{Account: own, Region: "cn-shanghai", ID: a.Items[1].ImageID}); c.away == "homeFailed" && err == nil {
		t.Error("there is a copy")
	} else if err != nil && !errors.Is(err, fault.NotFound) && a.Items[1].ImageID != "" {
		t.Error(err)
	}
}
