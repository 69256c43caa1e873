package cloudsim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// pipelined is a cloud with a pipeline that builds on an image.
func pipelined(t *testing.T, details cloudsim.PipelineDetails) (w *world, pipeline string, base image.ID) {
	t.Helper()
	w = newWorld(t, cloudsim.Options{})
	base = w.add(cloudsim.ImageSpec{Image: image.Image{Platform: "Debian", BootMode: image.UEFI}})
	pipeline, err := w.s.CreateImagePipeline(cloudsim.CreateImagePipelineRequest{
		RegionID: hangzhou, BaseType: "IMAGE", Base: string(base), ImageName: "web", ImageFamily: "web-base", Details: details,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, pipeline, base
}

// run is one run of the pipeline as it is shown now.
func (w *world) run(pipeline string) cloudsim.PipelineRunRow {
	w.Helper()
	page, err := w.s.DescribeImagePipelineExecutions(cloudsim.DescribeImagePipelineExecutionsRequest{RegionID: hangzhou, PipelineID: pipeline})
	if err != nil || len(page.Runs) == 0 {
		w.Fatalf("%+v, %v", page, err)
	}
	return page.Runs[0]
}

// TestPipelinesBuildByTheClock: a run goes through its states, and its image is
// there when it is being released, made from the base.
func TestPipelinesBuildByTheClock(t *testing.T) {
	t.Parallel()
	w, pipeline, base := pipelined(t, cloudsim.PipelineDetails{TestContent: "RUN true", ImageTags: []cloudsim.Tag{{Key: "env", Value: "prod"}}, AddAccounts: []image.AccountID{two}})
	expect(t, second(w.s.StartImagePipelineExecution(hangzhou, pipeline, "once")), "", 0)
	var states []string
	for range 11 {
		if s := w.run(pipeline).Status; len(states) == 0 || states[len(states)-1] != s {
			states = append(states, s)
		}
		w.clock.Advance(time.Minute)
	}
	if got := strings.Join(states, " "); got != "PREPARING BUILDING TESTING DISTRIBUTING RELEASING SUCCESS" {
		t.Error(got)
	}
	expect(t, second(w.s.StartImagePipelineExecution(hangzhou, pipeline, "once")), "", 0)
	run := w.run(pipeline)
	row, there := w.row(hangzhou, run.Made)
	parent, _ := w.cloud.Parent(row.Ref)
	if !there || row.Name != "web_"+run.ID || row.Family != "web-base" || row.Platform != "Debian" || row.BootMode != image.UEFI || row.Tags["env"] != "prod" || parent.ID != base {
		t.Errorf("made %+v from %s", row, parent.ID)
	}
	grants, err := w.s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{RegionID: hangzhou, ImageID: run.Made})
	if err != nil || grants.Total != 1 {
		t.Errorf("%+v, %v", grants, err)
	}
	expect(t, w.s.CancelImagePipelineExecution(hangzhou, run.ID), "InvalidStatus.CancelFailed", 400)
	expect(t, w.s.DeleteImagePipeline(hangzhou, pipeline), "", 0)
	expect(t, w.s.DeleteImagePipeline(hangzhou, pipeline), "InvalidImagePipeline.NotFound", 404)
	if _, there := w.row(hangzhou, run.Made); !there {
		t.Error("its image went with the pipeline")
	}
}

func TestPipelinesFailAndAreGivenUp(t *testing.T) {
	t.Parallel()
	w, pipeline, base := pipelined(t, cloudsim.PipelineDetails{})
	w.cloud.FailNext(one, 1)
	start := func() (string, error) { return w.s.StartImagePipelineExecution(hangzhou, pipeline, "") }
	expect(t, second(start()), "", 0)
	expect(t, w.s.DeleteImagePipeline(hangzhou, pipeline), "InvalidImagePipeline.HasRunningExecution", 403)
	w.clock.Advance(time.Hour)
	if run := w.run(pipeline); run.Status != "FAILED" || run.Made != "" || run.Message == "" {
		t.Errorf("%+v", run)
	}
	id, err := start()
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(9 * time.Minute)
	expect(t, w.s.CancelImagePipelineExecution(hangzhou, id), "InvalidStatus.ImagePipelineExecution", 403)
	w.clock.Advance(time.Minute)
	id, err = start()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, w.s.CancelImagePipelineExecution(hangzhou, id), "", 0)
	if run := w.run(pipeline); run.Status != "CANCELLING" {
		t.Errorf("%+v", run)
	}
	w.clock.Advance(time.Hour)
	if run := w.run(pipeline); run.Status != "CANCELLED" || run.Made != "" {
		t.Errorf("%+v", run)
	}
	expect(t, w.s.CancelImagePipelineExecution(hangzhou, "exec-none"), "InvalidImagePipelineExecution.NotFound", 404)
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: base}), "", 0)
	expect(t, second(start()), "InvalidImage.NotFound", 404)
}

func TestPipelinesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	base := string(w.add(cloudsim.ImageSpec{}))
	type request = cloudsim.CreateImagePipelineRequest
	for name, c := range map[string]struct {
		change func(*request)
		code   string
		status int
	}{
		"no type":     {func(r *request) { r.BaseType = "" }, "MissingParameter", 400},
		"type":        {func(r *request) { r.BaseType = "CD" }, "InvalidBaseImageType.NotSupportedValue", 400},
		"no base":     {func(r *request) { r.Base = "" }, "MissingParameter", 400},
		"no file":     {func(r *request) { r.BaseType, r.Base = "OSS", "" }, "MissingParameter.ImportImageOptions", 404},
		"base":        {func(r *request) { r.Base = "m-none" }, "InvalidImage.NotFound", 404},
		"long build":  {func(r *request) { r.Details.BuildContent = strings.Repeat("x", 16<<10+1) }, "InvalidParameter.BuildContent", 400},
		"long test":   {func(r *request) { r.Details.TestContent = strings.Repeat("x", 16<<10+1) }, "InvalidParameter.TestContent", 400},
		"component":   {func(r *request) { r.Details.BuildContent = "COMPONENT ic-none" }, "ImageComponent.NotFound", 404},
		"disk":        {func(r *request) { r.SystemDiskGiB = 19 }, "InvalidParameter", 400},
		"region":      {func(r *request) { r.Details.ToRegions = []image.RegionID{"mars"} }, "InvalidParameter", 400},
		"repair mode": {func(r *request) { r.Details.RepairMode = "Some" }, "InvalidParameter", 400},
	} {
		req := request{RegionID: hangzhou, BaseType: "IMAGE", Base: base}
		c.change(&req)
		_, err := w.s.CreateImagePipeline(req)
		if err == nil {
			t.Errorf("%s: made", name)
			continue
		}
		expect(t, err, c.code, c.status)
	}
	file, err := w.s.CreateImagePipeline(request{RegionID: hangzhou, BaseType: "OSS", Base: "mine/web.qcow2"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, second(w.s.StartImagePipelineExecution(hangzhou, file, "")), "InvalidImagePipeline.OSSObjectNotFound", 404)
}

func TestImageComponents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	create := func(row cloudsim.ComponentRow) (string, error) {
		return w.s.CreateImageComponent(cloudsim.CreateImageComponentRequest{RegionID: hangzhou, Component: row})
	}
	for _, row := range []cloudsim.ComponentRow{{Name: "harden", Content: "RUN 1"}, {Name: "harden", Content: "RUN 2"}, {Name: "harden", Content: "RUN 3", Version: "2.1.0"}} {
		expect(t, second(create(row)), "", 0)
	}
	page, err := w.s.DescribeImageComponents(cloudsim.DescribeImageComponentsRequest{RegionID: hangzhou, Name: "harden", Version: "2.*"})
	if err != nil || page.Total != 2 {
		t.Errorf("%+v, %v", page, err)
	}
	expect(t, second(create(cloudsim.ComponentRow{Name: "harden", Content: "RUN 4", Version: "2.1.0"})), "InvalidComponentVersion.Exist", 403)
	expect(t, second(create(cloudsim.ComponentRow{})), "MissingParameter.Content", 400)
	expect(t, second(create(cloudsim.ComponentRow{Content: "FROM m-1"})), "NotSupportedCommand.FROM", 404)
	expect(t, second(create(cloudsim.ComponentRow{Content: strings.Repeat("x", 16<<10+1)})), "InvalidContent.LengthExceeded", 400)
	expect(t, second(create(cloudsim.ComponentRow{Content: "RUN 1", Version: "one"})), "InvalidParameter", 400)
	expect(t, second(w.s.DescribeImageComponents(cloudsim.DescribeImageComponentsRequest{RegionID: hangzhou, Owner: "ME"})), "InvalidParameter.Owner", 400)
	expect(t, w.s.DeleteImageComponent(hangzhou, "ic-none"), "InvalidImageComponent.NotFound", 404)
}

func TestOperationsOfPipelinesNeedTheirPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	if err := w.cloud.AllowOnly("local", []string{}); err != nil {
		t.Fatal(err)
	}
	s := sessionOf(t, w.cloud, "local")
	for action, call := range map[string]func() error{
		"ecs:CreateImagePipeline":          func() error { return second(s.CreateImagePipeline(cloudsim.CreateImagePipelineRequest{})) },
		"ecs:DeleteImagePipeline":          func() error { return s.DeleteImagePipeline("", "") },
		"ecs:StartImagePipelineExecution":  func() error { return second(s.StartImagePipelineExecution("", "", "")) },
		"ecs:CancelImagePipelineExecution": func() error { return s.CancelImagePipelineExecution("", "") },
		"ecs:CreateImageComponent":         func() error { return second(s.CreateImageComponent(cloudsim.CreateImageComponentRequest{})) },
		"ecs:DescribeImageComponents":      func() error { return second(s.DescribeImageComponents(cloudsim.DescribeImageComponentsRequest{})) },
		"ecs:DeleteImageComponent":         func() error { return s.DeleteImageComponent("", "") },
	} {
		var no *cloudsim.Refusal
		if err := call(); !errors.As(err, &no) || !errors.Is(err, fault.Forbidden) || no.Action != action {
			t.Errorf("%s: %v", action, err)
		}
	}
}
