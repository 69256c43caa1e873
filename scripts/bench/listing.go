package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/shared/image"
)

// inFlight is how many calls shared/alicloud lets a process have under way.
const inFlight = 32

// listing compares find over 20000 images of one region, 50 ms away and without
// a rate, with the same listing page after page through the vendor's SDK, as
// the vendor's command line does it.
func listing(ctx context.Context, b binaries) ([]result, error) {
	const images = 20000
	c := serve(filled(images, "cn-hangzhou"), -1, 50*time.Millisecond)
	defer c.Close()
	begun := time.Now()
	if err := pageAfterPage(strings.TrimPrefix(c.URL, "http://"), images); err != nil {
		return nil, err
	}
	slow := time.Since(begun)
	begun = time.Now()
	if err := pagesAtOnce(ctx, c, images); err != nil {
		return nil, err
	}
	ideal := time.Since(begun)

	instance, err := platform.Start(ctx, b.find, c.variables("cn-hangzhou", "1000"))
	if err != nil {
		return nil, err
	}
	defer instance.Stop()
	begun = time.Now()
	if err := find(ctx, instance, images); err != nil {
		return nil, err
	}
	fast := time.Since(begun)
	counted, err := c.images(ctx)
	if err != nil {
		return nil, err
	}
	return []result{
		{
			what: "listing page by page / find", value: float64(slow) / float64(fast), unit: "times", atLeast: 10,
			about: fmt.Sprintf("%d images, 50 ms away: %s and %s", images, slow.Round(time.Millisecond), fast.Round(time.Millisecond)),
		},
		{
			what: "find / its pages, sent at once", value: float64(fast) / float64(ideal), unit: "times", atMost: 1.3,
			about: fmt.Sprintf("the first page, then %d at a time without reading them: %s", inFlight, ideal.Round(time.Millisecond)),
		},
		{what: "calls of find in flight", value: float64(counted.PeakInFlight), unit: "calls", atMost: inFlight},
	}, nil
}

// pageAfterPage lists every image by calls that wait for each other.
func pageAfterPage(address string, want int) error {
	client, err := sdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig(), credentials.NewAccessKeyCredential("local", "local-secret"))
	if err != nil {
		return err
	}
	got := 0
	for page := 1; ; page++ {
		request := requests.NewCommonRequest()
		request.Method, request.Scheme, request.Domain = http.MethodPost, "http", address
		request.Version, request.ApiName = "2014-05-26", "DescribeImages"
		request.QueryParams = map[string]string{
			"RegionId": "cn-hangzhou", "ImageOwnerAlias": "self", "PageSize": "100", "PageNumber": strconv.Itoa(page), "Format": "JSON",
		}
		reply, err := client.ProcessCommonRequest(request)
		if err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
		var body struct {
			Images struct{ Image []json.RawMessage }
		}
		if err := json.Unmarshal(reply.GetHttpContentBytes(), &body); err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
		got += len(body.Images.Image)
		if len(body.Images.Image) < 100 {
			break
		}
	}
	if got != want {
		return fmt.Errorf("page after page: %d images, want %d", got, want)
	}
	return nil
}

// pagesAtOnce fetches the pages of all images as fast as find could: the first,
// then the others, as many at a time, and reads nothing of them.
func pagesAtOnce(ctx context.Context, c cloud, images int) error {
	const rows = 100
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}
	defer client.CloseIdleConnections()
	fetch := func(ctx context.Context, page int) error {
		request := requests.NewCommonRequest()
		request.Method, request.Scheme, request.Domain = http.MethodPost, "http", strings.TrimPrefix(c.URL, "http://")
		request.Version, request.ApiName = "2014-05-26", "DescribeImages"
		request.QueryParams = map[string]string{
			"RegionId": "cn-hangzhou", "ImageOwnerAlias": "self", "PageSize": strconv.Itoa(rows), "PageNumber": strconv.Itoa(page), "Format": "JSON",
		}
		signer, err := sdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig(), credentials.NewAccessKeyCredential("local", "local-secret"))
		if err != nil {
			return err
		}
		request.TransToAcsRequest()
		if err := signer.BuildRequestWithSigner(request, nil); err != nil {
			return err
		}
		plain, err := http.NewRequestWithContext(ctx, http.MethodPost, request.BuildUrl(), request.GetBodyReader())
		if err != nil {
			return err
		}
		for name, value := range request.GetHeaders() {
			plain.Header.Set(name, value)
		}
		answer, err := client.Do(plain)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("page %d: status %d: %w", page, answer.StatusCode, err)
		}
		return nil
	}
	if err := fetch(ctx, 1); err != nil {
		return err
	}
	last := images / rows
	failures := make([]error, last+1)
	slots := make(chan struct{}, inFlight)
	var all sync.WaitGroup
	for page := 2; page <= last; page++ {
		slots <- struct{}{}
		all.Go(func() {
			failures[page] = fetch(ctx, page)
			<-slots
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

// answered is the part of find's answer that is looked at.
type answered struct {
	Items   []json.RawMessage `json:"items"`
	Total   *int              `json:"total"`
	Unknown []image.Unread    `json:"unknown"`
}

// find asks for one image of all there are and wants to hear of all of them.
func find(ctx context.Context, instance *platform.Instance, want int) error {
	status, body, err := instance.Get(ctx, "/images?kind=custom&limit=1")
	if err != nil {
		return err
	}
	var answer answered
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		return fmt.Errorf("find: status %d: %w: %.400s", status, err, body)
	}
	if answer.Total == nil || *answer.Total != want || len(answer.Unknown) > 0 {
		return fmt.Errorf("find: not all %d images: %.400s", want, body)
	}
	return nil
}

// regions are the eight that every emulated cloud has.
func regions() []image.RegionID {
	return []image.RegionID{
		"cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-hongkong", "ap-southeast-1", "eu-central-1", "us-west-1",
	}
}

func joined(regions []image.RegionID) string {
	words := make([]string, len(regions))
	for i, region := range regions {
		words[i] = string(region)
	}
	return strings.Join(words, ",")
}

// memory is the most that find ever has while it looks at 100000 images in
// eight regions.
func memory(ctx context.Context, b binaries) ([]result, error) {
	const images = 100_000
	c := serve(filled(images/len(regions()), regions()...), -1, 0)
	defer c.Close()
	instance, err := platform.Start(ctx, b.find, c.variables(joined(regions()), "1000"))
	if err != nil {
		return nil, err
	}
	defer instance.Stop()
	begun := time.Now()
	if err := find(ctx, instance, images); err != nil {
		return nil, err
	}
	took := time.Since(begun)
	peak, err := instance.PeakMemory()
	if err != nil {
		return nil, err
	}
	drowned, told, err := drowning(ctx, b)
	if err != nil {
		return nil, err
	}
	return []result{
		{
			what: "peak memory of find", value: float64(peak) / (1 << 20), unit: "MiB", atMost: 512,
			about: fmt.Sprintf("%d images in %d regions, in %s", images, len(regions()), took.Round(time.Millisecond)),
		},
		{what: "peak memory of find, answers of 200 MB", value: float64(drowned) / (1 << 20), unit: "MiB", atMost: 256, about: told},
	}, nil
}

// flooded is how much comes before each list of images that is too long.
const flooded = 200 << 20

// drowning is the most memory that find ever has where every list of images begins
// with 200 MB of nothing, 32 at a time, and what it tells of that.
func drowning(ctx context.Context, b binaries) (peak int64, told string, err error) {
	whole := serve(filled(1000, regions()...), -1, 0)
	defer whole.Close()
	at, err := url.Parse(whole.URL)
	if err != nil {
		return 0, "", err
	}
	floods := new(atomic.Int64)
	front := cloud{httptest.NewServer(flood{httputil.NewSingleHostReverseProxy(at), floods})}
	defer front.Close()
	instance, err := platform.Start(ctx, b.find, front.variables(joined(regions()), "1000"))
	if err != nil {
		return 0, "", err
	}
	defer instance.Stop()
	status, body, err := instance.Get(ctx, "/images?kind=custom,public,shared&limit=1")
	if err != nil {
		return 0, "", err
	}
	if status == http.StatusOK || floods.Load() == 0 {
		return 0, "", fmt.Errorf("find: status %d of %d floods: %.400s", status, floods.Load(), body)
	}
	peak, err = instance.PeakMemory()
	return peak, fmt.Sprintf("%d such answers in %d regions, told as %d", floods.Load(), len(regions()), status), err
}

// flood is a cloud whose lists of images begin with too much.
type flood struct {
	cloud  http.Handler
	floods *atomic.Int64
}

// ServeHTTP lets everything but lists of images pass.
func (f flood) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Acs-Action") != "DescribeImages" && r.URL.Query().Get("Action") != "DescribeImages" {
		f.cloud.ServeHTTP(w, r)
		return
	}
	f.floods.Add(1)
	w.Header().Set("Content-Type", "application/json")
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range flooded / len(blank) {
		if _, err := w.Write(blank); err != nil {
			return // who asked has heard enough
		}
	}
}
