package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/survey"
)

// settings are the environment's: the same names as the functions'.
type settings struct {
	alicloud.Places
	Region    string `env:"REGION" default:"cn-hangzhou"`
	AccessKey string `env:"ALIBABA_CLOUD_ACCESS_KEY_ID"`
	Secret    string `env:"ALIBABA_CLOUD_ACCESS_KEY_SECRET" secret:"true"`
	Token     string `env:"ALIBABA_CLOUD_SECURITY_TOKEN" secret:"true"`
}

// run shows the plan for a file, and carries it out if it may. It fails if any
// wish is refused or could not be carried out.
func run(ctx context.Context, look function.Lookup, file string, apply bool, out io.Writer) error {
	s, err := function.Configure[settings](look)
	if err != nil {
		return err
	}
	wishes, err := readFile(file, image.RegionID(s.Region))
	if err != nil {
		return err
	}
	if s.AccessKey == "" || s.Secret == "" {
		return fault.New(fault.Unauthenticated, "no cloud credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, "+
			"and ALIBABA_CLOUD_SECURITY_TOKEN if they are temporary")
	}
	there, taggers, err := s.open(ctx)
	if err != nil {
		return err
	}
	world := lineage.Observe(ctx, lineage.Places(there.Places()))
	if unread := image.AllUnread(there.Unread(), world.Unread); len(unread) > 0 {
		return fault.New(fault.Unknown, "nothing is planned while %d places cannot be read: %s", len(unread), survey.Sentence(unread))
	}
	plan := lineage.Record(wishes, world)
	if err := show(out, plan); err != nil {
		return err
	}
	if !apply {
		_, err := fmt.Fprintln(out, "nothing was changed; APPLY=1 carries the plan out")
		return errors.Join(err, refusals(plan))
	}
	return errors.Join(carryOut(ctx, taggers, plan, out), refusals(plan))
}

// readFile reads the wishes of a file.
func readFile(name string, home image.RegionID) ([]lineage.Wish, error) {
	if name == "" {
		return nil, fault.InField("FILE", "missing", "must name a CSV file with the columns imageId, parent and regionId")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "FILE cannot be read")
	}
	defer file.Close()
	return Parse(file, home)
}

// Parse reads wishes from CSV: a header with imageId, parent and perhaps
// regionId in any order, then one image per line. parent is imageId, of the same
// region, or regionId/imageId. It fails with fault.Invalid, naming the line.
func Parse(in io.Reader, home image.RegionID) ([]lineage.Wish, error) {
	r := csv.NewReader(in)
	r.TrimLeadingSpace, r.Comment = true, '#'
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, fault.InField("FILE", "empty", "is empty: the first line must name the columns imageId, parent and regionId")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the first line must name the columns imageId, parent and regionId")
	}
	at := map[string]int{}
	for n, name := range head {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		if !slices.Contains([]string{"imageId", "parent", "regionId"}, name) {
			return nil, fault.InField(name, "unknownColumn", "is not one of imageId, parent, regionId")
		}
		at[name] = n + 1
	}
	if at["imageId"] == 0 || at["parent"] == 0 {
		return nil, fault.InField("imageId", "missing", "the columns imageId and parent must be there")
	}
	var wishes []lineage.Wish
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return wishes, nil
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "%s", err)
		}
		line, _ := r.FieldPos(0)
		wish, err := parseRow(line, row, at, home)
		if err != nil {
			return nil, err
		}
		wishes = append(wishes, wish)
	}
}

func parseRow(line int, row []string, at map[string]int, home image.RegionID) (lineage.Wish, error) {
	field := func(name string) string {
		if at[name] == 0 {
			return ""
		}
		return strings.TrimSpace(row[at[name]-1])
	}
	region := image.RegionID(cmp.Or(field("regionId"), string(home)))
	id, err := lineage.ParseParent(region, field("imageId"))
	parent, err2 := lineage.ParseParent(region, field("parent"))
	if err != nil || err2 != nil || id.Region != region {
		return lineage.Wish{}, fault.New(fault.Invalid, "line %d: imageId must be an image's id, parent imageId or regionId/imageId", line)
	}
	return lineage.Wish{Line: line, Image: id, Parent: parent}, nil
}

// open looks at every account and region of the configuration, and says who writes
// tags in which account. It fails if one of them cannot be looked at.
func (s settings) open(ctx context.Context) (*survey.Survey, map[image.AccountID]tagger, error) {
	config, err := s.Config(image.RegionID(s.Region))
	if err != nil {
		return nil, nil, err
	}
	cloud, err := alicloud.Open(config)
	if err != nil {
		return nil, nil, err
	}
	regions, all, err := s.LookIn(image.RegionID(s.Region))
	if err != nil {
		return nil, nil, err
	}
	caller := alicloud.Caller{Credentials: alicloud.Credentials{AccessKeyID: s.AccessKey, Secret: s.Secret, SecurityToken: s.Token}}
	var accounts []survey.Account
	taggers := map[image.AccountID]tagger{}
	for _, a := range cloud.Accounts(caller, s.Accounts, "imagekeeper-backfill") {
		id, err := a.ID(ctx)
		if err != nil {
			return nil, nil, err
		}
		accounts = append(accounts, survey.Account{Reader: a, ID: id, Role: string(a.Through())})
		if taggers[id] == nil {
			taggers[id] = a
		}
	}
	there, err := survey.Open(ctx, accounts, survey.Scope{Regions: regions, All: all, Home: image.RegionID(s.Region)})
	return there, taggers, err
}

// show prints the plan.
func show(out io.Writer, plan []lineage.Recording) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	counts := map[lineage.Act]int{}
	for _, r := range plan {
		counts[r.Act]++
		fmt.Fprintf(table, "%s\t%s\t%s\t%s: %s\n", r.Act, r.Image, r.Value, r.Why.Code, r.Why.Sentence)
	}
	fmt.Fprintf(table, "%d to set, %d kept, %d refused\n", counts[lineage.Set], counts[lineage.Keep], counts[lineage.Refuse])
	return table.Flush()
}

func refusals(plan []lineage.Recording) error {
	n := 0
	for _, r := range plan {
		if r.Act == lineage.Refuse {
			n++
		}
	}
	if n > 0 {
		return fault.New(fault.Precondition, "%d of %d wishes are refused", n, len(plan))
	}
	return nil
}

// tagger writes tags.
type tagger interface {
	TagImages(ctx context.Context, in image.RegionID, ids []image.ID, key, value string) error
}

// batch is the images of one account and region that get the same parent.
type batch struct {
	account image.AccountID
	region  image.RegionID
	value   string
}

// most is how many images one call tags.
const most = 50

// carryOut writes the tags that are to be set, those with one parent together. It
// can be repeated: what was done is then kept.
func carryOut(ctx context.Context, taggers map[image.AccountID]tagger, plan []lineage.Recording, out io.Writer) error {
	batches := map[batch][]image.ID{}
	for _, r := range plan {
		if r.Act == lineage.Set {
			b := batch{r.Account, r.Image.Region, r.Value}
			batches[b] = append(batches[b], r.Image.ID)
		}
	}
	var mu sync.Mutex
	var failed []error
	done := 0
	var wait sync.WaitGroup
	for b, ids := range batches {
		wait.Go(func() {
			for ids := range slices.Chunk(ids, most) {
				err := taggers[b.account].TagImages(ctx, b.region, ids, lineage.ParentTag, b.value)
				mu.Lock()
				if err != nil {
					failed = append(failed, fmt.Errorf("%s %v: %w", b.region, ids, err))
				} else {
					done += len(ids)
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	_, err := fmt.Fprintf(out, "%d set, %d calls failed\n", done, len(failed))
	return errors.Join(append(failed, err)...)
}
