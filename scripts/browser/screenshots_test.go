package browser_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/scripts/browser"
)

// TestScreenshots takes pictures of the page into the folder that SCREENSHOTS
// names; make screenshots does.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		t.Skip("SKIPPED: pictures are taken by make screenshots")
	}
	tried(t)
	must(t, os.MkdirAll(folder, 0o750))
	s, b := up(t, nil, "-images", "400", "-instances", "120"), chromium(t)
	var kept object
	s.send(t, http.MethodPost, "/_local/trigger/price/report", "", nil, &kept)
	rollout := s.rollout(t)
	list := s.ask(t, "viewer", http.MethodGet, "/images?family=web-base&region=cn-hangzhou&limit=1", nil)
	first, _ := list["items"].([]any)[0].(object)
	image := fmt.Sprintf("#/images/%v?region=cn-hangzhou&account=1000000000000001", first["imageId"])
	wide := browser.Look{Width: 1280, Height: 860, Language: "en-GB"}
	for name, shot := range map[string]struct {
		link, role string
		look       browser.Look
	}{
		"overview": {"#/overview", "operator", wide}, "image": {image, "operator", wide}, "costs": {"#/costs", "viewer", wide}, "rollout": {rollout, "fleet", wide},
		"cleanup": {`#/cleanup?wish={"rules":true}`, "reaper", wide}, "narrow-dark": {"#/images?kind=custom", "operator", browser.Look{Width: 320, Height: 860, Language: "zh-CN", Dark: true}},
	} {
		one := tab(t, b, s, shot.role, shot.link, shot.look)
		must(t, one.Settled())
		picture, err := one.Picture(false)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
		quiet(t, one)
	}
}

// rollout is the link of one in the middle, where rollouts are answered, else of all.
func (s *stack) rollout(t *testing.T) string {
	t.Helper()
	wish := object{"select": object{"family": []string{"web-base"}, "behind": 1, "region": []string{"cn-hangzhou"}}, "to": object{"family": "web-base", "unreleased": true}, "strategy": object{"canary": 1, "maxUnavailable": 2}}
	plan, _ := s.ask(t, "fleet", http.MethodPost, "/rollouts", wish)["plan"].(object)
	if plan == nil || plan["applicable"] != true {
		return "#/rollouts"
	}
	wish["apply"] = object{"digest": plan["digest"]}
	work := s.ask(t, "fleet", http.MethodPost, "/rollouts", wish)
	return "#/rollouts/" + strings.TrimSpace(fmt.Sprint(work["id"]))
}
