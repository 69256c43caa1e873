package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/scripts/local/past"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
)

// visibility bounds how long a change to the emulated cloud may stay unseen.
const visibility = time.Second

// journalBucket is where the journal is with JOURNAL=oss.
const (
	journalBucket = "imagekeeper-journal"
	journalPrefix = "journal"
)

// uploadBucket is where files to import are put.
const uploadBucket = "golden-uploads"

// ruleBucket is where the rules are, of imports and of cleanups.
const ruleBucket = "golden-rules"

// ruleFiles are the examples, below the folder of s.yaml, that rules begin as, by the
// key of each.
func ruleFiles() map[string]string {
	return map[string]string{
		"imports.yaml":  "functions/import/examples/stable.rules.yaml",
		"cleanups.yaml": "functions/cleanup/examples/builds.rules.yaml",
	}
}

// newStore is the wire of the emulated cloud's objects, with a bucket for the
// journal in it, one for files to import, and one for the rules of that.
func newStore(cloud *cloudsim.Cloud, s settings, out io.Writer) (http.Handler, error) {
	owner := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	for _, bucket := range []string{journalBucket, uploadBucket, ruleBucket} {
		if err := owner.PutBucket(bucket, "cn-hangzhou"); err != nil {
			return nil, err
		}
	}
	for key, file := range ruleFiles() {
		rules, err := os.ReadFile(filepath.Join(filepath.Dir(s.file), filepath.FromSlash(file)))
		if err != nil { // another s.yaml, which need not have such a function
			continue
		}
		_, err = owner.PutObject(cloudsim.PutObjectRequest{Bucket: ruleBucket, Key: key, Content: cloudsim.ContentOf(rules)})
		if err != nil {
			return nil, err
		}
	}
	return ossapi.New(cloud, ossapi.Options{Latency: s.latency, Log: slog.New(slog.NewTextHandler(out, nil)).With("from", "oss")}), nil
}

// notify makes the functions of host hear of changes of objects.
func notify(cloud *cloudsim.Cloud, host *fchost.Host) {
	cloud.WatchObjects(func(e cloudsim.ObjectEvent) {
		host.ObjectChanged(fchost.ObjectChange{
			Event: e.Name, Bucket: e.Bucket.Name, Region: string(e.Bucket.Region), Owner: string(e.Bucket.Owner), By: string(e.By.Account),
			Key: e.Key, Size: e.Size, Delta: e.Delta, ETag: e.ETag, ContentType: e.ContentType, At: e.At,
		})
	})
}

// door leads to functions that are not there yet when the cloud is served.
type door struct{ handler atomic.Pointer[http.Handler] }

// open leads to handler from now on.
func (d *door) open(handler http.Handler) { d.handler.Store(&handler) }

// ServeHTTP passes a request on; 503 while there is nobody to pass it to.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if handler := d.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	http.Error(w, "the functions are not there yet", http.StatusServiceUnavailable)
}

// newCloud is the emulated cloud and its wire, with a door to the functions;
// what is odd about calls is logged to out.
func newCloud(s settings, functions *door, out io.Writer) (*cloudsim.Cloud, http.Handler) {
	cloud := company.New(cloudsim.Options{Seed: s.seed, Visibility: visibility, Speed: s.speed}, company.Options{Images: s.images, Instances: s.instances})
	return cloud, ecsapi.New(cloud, ecsapi.Options{
		RatePerMinute: s.rate, Latency: s.latency, Functions: ecsapi.Functions{Account: cloudsim.FirstAccount, Handler: functions},
		Log: slog.New(slog.NewTextHandler(out, nil)).With("from", "cloud"),
	})
}

// overrides are variables that a caller may set for the functions even where
// s.yaml does not ask for them.
func overrides() []string {
	return []string{"REGIONS", "ACCOUNTS", "IMPORT_SOURCES", "IMPORT_RULES", "CLEANUP_RULES", "ECS_RATE_SHARE", "LOG_LEVEL"}
}

// transport are the variables that programs need to reach the Internet from
// where only a proxy does.
func transport() []string {
	return []string{"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}
}

// defaults are what the functions of the emulated cloud look at unless the
// caller says otherwise: all there is to see.
func defaults() map[string]string {
	return map[string]string{
		"REGIONS":  "all",
		"ACCOUNTS": "acs:ram::" + string(cloudsim.SecondAccount) + ":role/imagekeeper-reader",
		// What may be imported.
		"IMPORT_SOURCES": "oss://" + uploadBucket,
		// What is imported by itself.
		"IMPORT_RULES": "oss://" + ruleBucket + "/imports.yaml",
		// What would go, which is only reported.
		"CLEANUP_RULES": "oss://" + ruleBucket + "/cleanups.yaml",
	}
}

// world is what the functions live in: their variables, their account and
// their credentials.
type world struct {
	lookup      syaml.Lookup      // for env() in s.yaml
	environment map[string]string // set on every function
	credentials fchost.Credentials
	account     string
	// journal is the folder of the journal, if it is one that was made for this start;
	// bucketed: the journal is in the emulated cloud's bucket.
	journal  string
	bucketed bool
}

// emulated is the world in front of the emulated cloud at address, and its
// objects at another, with a journal in a folder, or in a bucket for JOURNAL=oss.
// The caller's own settings win, except for where the cloud is.
func emulated(look syaml.Lookup, address, objects, folder string) world {
	values := defaults()
	copySet(values, look, overrides())
	here := "http://" + address
	endpoints := map[string]string{
		"ECS_ENDPOINT": here, "STS_ENDPOINT": here, "ESS_ENDPOINT": here, "RAM_ENDPOINT": here, "QUOTAS_ENDPOINT": here,
		"ACTIONTRAIL_ENDPOINT": here, "KMS_ENDPOINT": here,
		"OSS_ENDPOINT": "http://" + objects,
	}
	maps.Copy(values, endpoints)
	w := world{
		environment: values,
		lookup: func(name string) (string, bool) {
			if value, ok := values[name]; ok {
				return value, true
			}
			value, ok := look(name)
			switch {
			case name == "JOURNAL" && value == "":
				return "dir://" + filepath.ToSlash(folder), true
			case name == "JOURNAL" && value == "oss":
				return "oss://" + journalBucket + "/" + journalPrefix, true
			}
			return value, ok
		},
		credentials: fchost.Credentials{AccessKeyID: "local", Secret: "local-secret"},
		account:     string(cloudsim.FirstAccount),
	}
	switch given, _ := look("JOURNAL"); given {
	case "":
		w.journal = folder
	case "oss":
		w.bucketed = true
	}
	return w
}

// actual is the world of the caller's own account. It fails with
// fault.Unauthenticated if the environment holds no credentials.
func actual(look syaml.Lookup) (world, error) {
	get := func(name string) string { value, _ := look(name); return value }
	w := world{lookup: look, environment: map[string]string{}, account: get("ALIBABA_CLOUD_ACCOUNT_ID")}
	copySet(w.environment, look, append(overrides(), transport()...))
	w.credentials = fchost.Credentials{
		AccessKeyID:   get("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		Secret:        get("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		SecurityToken: get("ALIBABA_CLOUD_SECURITY_TOKEN"),
	}
	if w.credentials.AccessKeyID == "" || w.credentials.Secret == "" {
		return world{}, fault.New(fault.Unauthenticated, "-real needs credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, and ALIBABA_CLOUD_SECURITY_TOKEN if they are temporary")
	}
	return w, nil
}

// newJournal is an empty folder for what the functions record: the emulated
// cloud begins anew with every start, and so does its journal. Clouds that run
// beside one another have one each, named for the port.
func newJournal(file string, cloud net.Addr) (string, error) {
	_, port, err := net.SplitHostPort(cloud.String())
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the address of the cloud")
	}
	folder, err := filepath.Abs(filepath.Join(filepath.Dir(file), ".local", "journal", port))
	if err == nil {
		err = os.RemoveAll(folder)
	}
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "the folder of the journal cannot be made")
	}
	return folder, nil
}

// remember writes into the journal what cleanup did in the last weeks, and does it to
// the emulated cloud. It is done when the channel tells.
func remember(ctx context.Context, w world, cloud *cloudsim.Cloud, start []string) <-chan error {
	done := make(chan error, 1)
	if cloud == nil || w.journal == "" && !w.bucketed || !slices.Contains(start, "cleanup") {
		done <- nil
		return done
	}
	go func() {
		store, err := w.store(cloud)
		if err == nil {
			err = past.Write(ctx, cloud, store, store, time.Now())
		}
		done <- err
	}()
	return done
}

// kept is where a journal is, with the documents beside it.
type kept interface {
	journal.Store
	journal.Documents
}

// store opens the journal of this start as the functions do.
func (w world) store(cloud *cloudsim.Cloud) (kept, error) {
	if w.bucketed {
		return journal.OpenObjects(shelf{cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})}, journalPrefix), nil
	}
	return journal.OpenDirectory(w.journal)
}

// copySet copies the variables that are set and not empty.
func copySet(to map[string]string, look syaml.Lookup, names []string) {
	for _, name := range names {
		if value, ok := look(name); ok && value != "" {
			to[name] = value
		}
	}
}
