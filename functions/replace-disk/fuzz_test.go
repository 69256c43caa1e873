package main

import (
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
	"imagekeeper/shared/function/functiontest"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/rollout"
)

// FuzzFunction sends whatever comes of these beginnings to the whole function: it is
// answered as functiontest.Fuzz says.
func FuzzFunction(f *testing.F) {
	key, err := bearertest.NewEC("only")
	if err != nil {
		f.Fatal(err)
	}
	const full = `{"select":{"family":["web*"],"behind":1,"tag":{"env":"prod"},"region":["cn-hangzhou"],"exclude":{"id":["i-bp1keep"]}},"to":{"family":"web","unreleased":true},
		"strategy":{"canary":1,"waveSize":"20%","maxUnavailable":2,"pauseAfter":["canary"],"maxFailures":0,"maxDown":"30m","windows":[{"days":["mon"],"from":"02:00","to":"05:00","timeZone":"Asia/Shanghai"}]},
		"health":[{"status":{}},{"command":"true","passes":3,"timeout":"5m"}],"hooks":{"before":"true"},"backup":{"keep":"7d"},"onUnhealthy":"undo","maxLicenceIncreasePerHour":"0.5",
		"follow":{"launchTemplates":true,"scalingConfigurations":true},"evenIfManaged":true,"limit":3}`
	functiontest.Fuzz(
		f, func(t *testing.T) *function.Function {
			s := &stage{
				t: t, cloud: cloudsim.New(cloudsim.Options{}), bucket: journaltest.NewBucket(nil), regions: []image.RegionID{"cn-hangzhou"}, key: key, words: newWords(),
				old: map[rollout.Place]image.ID{}, golden: map[rollout.Place]image.ID{},
			}
			s.old[s.home()] = s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "web-1", Family: "web", SizeGiB: 40}})
			s.fleet(s.home(), 2)
			return s.function()
		},
		functiontest.Sent{Kind: 0, Method: "POST", Target: "/rollouts", Body: []byte(full)},
		functiontest.Sent{Kind: 1, Method: "POST", Target: "/rollouts", Body: []byte(`{"select":{"all":true},"to":{"image":"m-bp1abc"},"apply":{"digest":"0000000000000000000000000000000000000000000000000000000000000000"}}`)},
		functiontest.Sent{Kind: 2, Target: "rollouts.post", Body: []byte(`{"select":{"descendantsOf":"m-bp1abc"},"to":{"family":"web","channel":"candidate"}}`)},
		functiontest.Sent{Kind: 0, Method: "POST", Target: "/rollouts/00000000000000000000/undo", Body: []byte(`{"to":"previousImage","select":{"id":["i-bp1abc"]}}`)},
		functiontest.Sent{Kind: 1, Method: "POST", Target: "/rollouts/00000000000000000000/retry", Body: []byte(`{"strategy":{"waveSize":3}}`)},
		functiontest.Sent{Kind: 0, Method: "POST", Target: "/rollouts/00000000000000000000/pause", Body: []byte(`{"reason":"a test"}`)},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/rollouts", Query: "state=finished&limit=3"},
		functiontest.Sent{Kind: 3, Body: []byte(`{"triggerTime":"2026-03-01T12:00:00Z","triggerName":"expiry","payload":""}`)},
	)
}
