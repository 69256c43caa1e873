package layering

import "slices"

// Rows is the table: who may import whom, and why. The order matters only where
// two patterns cover the same package; the first one counts.
func Rows() []Row {
	return slices.Concat(nouns(), capabilities(), edges(), runtimes(), programs())
}

// nouns are what every other package speaks about.
func nouns() []Row {
	return []Row{
		{
			Over: "shared/fault", Pure: true,
			Why: "the kinds of failure stand below everything and need nothing",
		},
		{
			Over: "shared/strictjson", Pure: true,
			May: []string{"shared/fault"}, TestsMay: []string{"github.com/google/go-cmp/cmp", "pgregory.net/rapid"},
			Why: "what is wrong with a document is the same for requests, rules and records: it knows none of them",
		},
		{
			Over: "shared/money", Pure: true,
			May: []string{"shared/fault"}, TestsMay: []string{"pgregory.net/rapid"},
			Why: "an amount is exact and knows nothing of what it pays for",
		},
		{
			Over: "shared/image", Pure: true,
			May: []string{"shared/money", "shared/fault"},
			Why: "the glossary names things, and what could not be read with the kind of its failure; it reaches nothing",
		},
		{
			Over: "shared/plan", Pure: true,
			May: []string{"shared/image", "shared/fault", "shared/fanout"}, TestsMay: []string{"pgregory.net/rapid"},
			Why: "a plan is steps with reasons, whatever they change",
		},
		{
			Over: "shared/journal/journaltest",
			May:  []string{"shared/fault", "shared/journal"},
			Why:  "what every store of a journal must keep is said once, for tests",
		},
		{
			Over: "shared/journal",
			May:  []string{"shared/fault"}, TestsMay: []string{"shared/journal/journaltest"},
			Why: "a log of records knows where it is kept, not what it records",
		},
	}
}

// capabilities decide: from their arguments, and never through each other.
func capabilities() []Row {
	const why = "a capability decides from its arguments; it sees neither the cloud, nor the runtime, nor another capability"
	return []Row{
		{
			Over: "shared/selection", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/money", "shared/fault", "shared/fanout", "shared/survey"},
			TestsMay: []string{"pgregory.net/rapid"},
		},
		{
			Over: "shared/lineage", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/fault", "shared/fanout", "shared/survey"},
			TestsMay: []string{"pgregory.net/rapid"},
		},
		{
			Over: "shared/usage", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/fault", "shared/fanout", "shared/survey"},
			TestsMay: []string{"pgregory.net/rapid"},
		},
		{
			Over: "shared/pricing", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/money", "shared/fault", "shared/survey", "shared/fanout", "shared/strictjson"},
			TestsMay: []string{"scripts/drawn", "pgregory.net/rapid"},
		},
		{
			Over: "shared/importing", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/plan", "shared/work", "shared/survey", "shared/fault", "shared/importing/diskimage"},
			TestsMay: []string{"shared/journal", "shared/journal/journaltest"},
		},
		{
			Over: "shared/rollout", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/money", "shared/plan", "shared/work", "shared/survey", "shared/fault"},
			TestsMay: []string{"scripts/drawn", "shared/journal", "shared/journal/journaltest", "shared/cloudsim", "pgregory.net/rapid"},
		},
		{
			Over: "shared/retention", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/plan", "shared/work", "shared/survey", "shared/fault", "shared/fanout"},
			TestsMay: []string{"scripts/drawn"},
		},
		{
			Over: "shared/importing/diskimage", Pure: true,
			May: []string{"shared/image", "shared/fault"},
			Why: "what a file is, is told by its bytes alone, whoever reads them",
		},
		{
			Over: "shared/sharing", Pure: true, Why: why,
			May:      []string{"shared/image", "shared/plan", "shared/work", "shared/fault", "shared/survey"},
			TestsMay: []string{"pgregory.net/rapid", "shared/cloudsim"},
		},
	}
}

// edges know one outside each.
func edges() []Row {
	return []Row{
		{
			Over: "shared/fanout", TestsMay: []string{"shared/fault"},
			Why: "what is done at the same time must not end the process by a panic: every fan-out stands on it, and it knows of nothing",
		},
		{
			Over: "shared/survey",
			May:  []string{"shared/image", "shared/fault", "shared/fanout"}, TestsMay: []string{"shared/cloudsim"},
			Why: "what one call looks at is one floor for all functions: it reads whoever it is given, and decides nothing about images",
		},
		{
			Over: "shared/work/worktest",
			May:  []string{"shared/plan", "shared/image", "shared/fault", "shared/survey", "shared/journal", "shared/journal/journaltest", "shared/work", "shared/fanout"},
			Why:  "what must be so of works wherever they are kept is said once, for tests, by a toy kind",
		},
		{
			Over: "shared/work", Pure: true,
			May:      []string{"shared/plan", "shared/image", "shared/fault", "shared/survey", "shared/journal", "shared/fanout"},
			TestsMay: []string{"shared/journal/journaltest", "shared/work/worktest", "scripts/drawn", "github.com/anishathalye/porcupine"},
			Why:      "long work is carried by one engine for all kinds: it knows their logs, and nothing of what they change",
		},
		{
			Over: "shared/strictyaml", Pure: true,
			May:      []string{"shared/fault", "shared/strictjson", "go.yaml.in/yaml/v3"},
			TestsMay: []string{"github.com/google/go-cmp/cmp"},
			Why:      "documents that people write are read as strictly as requests; apart, so that functions without any carry no YAML",
		},
		{
			Over: "shared/rules", Pure: true,
			May: []string{"shared/fault", "shared/strictyaml"}, TestsMay: []string{"shared/fanout"},
			Why: "where a document of rules is and what is wrong with it is the same for every function that has one: it knows no rule",
		},
		{
			Over: "shared/notify",
			May:  []string{"shared/fault", "shared/strictjson", "shared/fanout"},
			Why:  "people are told in one place: it posts what it is given, and knows neither the cloud nor the runtime",
		},
		{
			Over: "shared/outbox", Pure: true,
			May:      []string{"shared/fault", "shared/journal", "shared/notify"},
			TestsMay: []string{"shared/journal/journaltest", "shared/fanout"},
			Why:      "notices outlive whoever sends them: it keeps them in the journal, and knows nothing of what they are about",
		},
		{
			Over: "shared/provenance", Pure: true,
			May: []string{"shared/lineage", "shared/pricing", "shared/image", "shared/survey"},
			Why: "every function that prices images tells pricing what lineage found, and has to do it in the same words: it translates and decides nothing",
		},
		{
			Over: "shared/quoting", Pure: true,
			May:      []string{"shared/pricing", "shared/lineage", "shared/provenance", "shared/selection", "shared/usage", "shared/image", "shared/money", "shared/fault", "shared/survey", "shared/fanout"},
			TestsMay: []string{"shared/cloudsim"},
			Why:      "what images cost is found out once for all functions: it joins pricing with where images come from and who uses them",
		},
		{
			Over: "shared/alicloud",
			May: []string{
				"shared/image", "shared/money", "shared/fault", "github.com/aliyun/alibaba-cloud-sdk-go/...",
				"golang.org/x/time/rate", "golang.org/x/sync/errgroup", "shared/fanout",
			},
			TestsMay: []string{"github.com/google/go-cmp/cmp"},
			Why:      "the only speaker to Alibaba Cloud translates and decides nothing",
		},
		{
			Over: "shared/alicloud/oss",
			May: []string{
				"shared/alicloud", "shared/image", "shared/fault", "github.com/aliyun/alibabacloud-oss-go-sdk-v2/...",
			},
			Why: "objects, apart so that functions that keep nothing do not carry the vendor's second SDK",
		},
		{
			Over:     "shared/cloudsim/...",
			May:      []string{"shared/image", "shared/money", "shared/fault", "shared/cloudsim/..."},
			TestsMay: []string{"pgregory.net/rapid"},
			Why:      "the cloud in memory is behaviour only: no wire, no third party; imported by tests and scripts",
		},
	}
}

// runtimes are where functions run, and what they have in common there.
func runtimes() []Row {
	return []Row{
		{
			Over: "shared/function/change",
			May:  []string{"shared/fault", "shared/plan", "shared/image", "shared/function"},
			Why:  "the words in which every function that changes something tells plans, outcomes and problems stand once",
		},
		{
			Over: "shared/function/notices",
			May:  []string{"shared/fault", "shared/function", "shared/journal", "shared/notify", "shared/outbox"}, TestsMay: []string{"shared/journal/journaltest"},
			Why: "whom a deployment tells is one variable for every function: it joins the targets with the journal",
		},
		{
			Over: "shared/function/rulebook",
			May:  []string{"shared/fault", "shared/rules", "shared/notify", "shared/function"},
			Why:  "the rules of a function are read, checked, described and announced in one way: it joins the reader with the runtime, and knows no rule",
		},
		{
			Over: "shared/function/works",
			May: []string{
				"shared/fault", "shared/plan", "shared/image", "shared/work", "shared/fanout", "shared/notify", "shared/outbox",
				"shared/function", "shared/function/change", "shared/function/notices",
			},
			TestsMay: []string{"shared/survey", "shared/journal", "shared/journal/journaltest"},
			Why:      "long work is the same over HTTP for every kind: a function adds what its steps and items are",
		},
		{
			Over: "shared/function/places",
			May:  []string{"shared/image", "shared/survey", "shared/alicloud", "shared/function", "shared/fault"},
			Why:  "as whom a call looks, and where, is the same for every function: it joins the runtime's calls with accounts and surveys",
		},
		{
			Over: "shared/function/upkeep",
			May: []string{
				"shared/function/ledger", "shared/journal", "shared/plan", "shared/work", "shared/retention", "shared/sharing", "shared/importing", "shared/usage",
				"shared/fanout", "shared/survey", "shared/image", "shared/fault",
			},
			Why: "what cleanup keeps in the journal, in one place for the function and for whoever writes a past of it: it joins retention with the logs of share and import, and with usage",
		},
		{
			Over: "shared/function/ledger",
			May:  []string{"shared/fault", "shared/plan", "shared/journal", "shared/alicloud", "shared/alicloud/oss", "shared/function", "shared/function/places"},
			Why:  "where functions keep what they keep: it joins the journal with its place and with the log of plans",
		},
		{
			Over: "shared/function/...",
			May: []string{
				"shared/fault", "shared/fanout", "shared/strictjson", "shared/function/...", "github.com/aliyun/fc-runtime-go-sdk/...",
				"github.com/aws/aws-lambda-go/...", "github.com/go-playground/validator/v10", "github.com/go-jose/go-jose/v4",
			},
			TestsMay: []string{"github.com/google/go-cmp/cmp", "github.com/getkin/kin-openapi/openapi3", "pgregory.net/rapid"},
			Why:      "the only package that knows a runtime knows nothing of images",
		},
	}
}

// programs wire.
func programs() []Row {
	return []Row{
		{
			Over: "functions/share",
			May: []string{
				"shared/function", "shared/function/ledger", "shared/function/notices", "shared/function/places", "shared/alicloud", "shared/journal", "shared/plan",
				"shared/notify", "shared/sharing", "shared/usage", "shared/lineage", "shared/pricing", "shared/provenance", "shared/survey", "shared/work", "shared/function/change", "shared/fanout", "shared/image", "shared/fault",
			},
			TestsMay: []string{"shared/cloudsim", "shared/function/functiontest", "shared/strictjson"},
			Why:      "share wires sharing, usage, lineage and pricing to the cloud, and records what it changes",
		},
		{
			Over: "functions/replace-disk",
			May: []string{
				"shared/function", "shared/function/ledger", "shared/function/places", "shared/function/notices", "shared/function/change", "shared/function/works",
				"shared/alicloud", "shared/journal", "shared/plan", "shared/work", "shared/rollout", "shared/importing", "shared/lineage", "shared/usage",
				"shared/survey", "shared/fanout", "shared/image", "shared/fault", "shared/pricing", "shared/quoting",
			},
			TestsMay: []string{"shared/cloudsim", "shared/journal/journaltest", "shared/function/functiontest", "shared/function/bearer/bearertest", "scripts/drawn"},
			Why:      "replace-disk wires rollout to the cloud, selects by usage and lineage, prices, reads what import released, and records what it replaces",
		},
		{
			Over: "functions/price",
			May: []string{
				"shared/function", "shared/function/ledger", "shared/function/notices", "shared/function/places", "shared/alicloud", "shared/journal",
				"shared/notify", "shared/survey", "shared/pricing", "shared/quoting", "shared/image", "shared/money", "shared/fault",
			},
			TestsMay: []string{"shared/cloudsim", "shared/cloudsim/company", "shared/function/functiontest", "pgregory.net/rapid", "shared/strictjson"},
			Why:      "price wires quoting and pricing to the cloud, and keeps reports; money is what it reads and writes",
		},
		{
			Over: "functions/portal",
			May:  []string{"functions", "shared/function", "shared/fault"},
			Why:  "the page calls the other functions from the browser; its server knows the document of all and nothing of images",
		},
		{
			Over: "functions", Pure: true,
			Why: "the document of all functions stands beside them, for the one that serves it",
		},
		{
			Over: "functions/import",
			May: []string{
				"shared/function", "shared/function/ledger", "shared/function/notices", "shared/function/places", "shared/function/change", "shared/function/rulebook",
				"shared/function/works", "shared/alicloud", "shared/notify", "shared/outbox", "shared/rules",
				"shared/alicloud/oss", "shared/journal", "shared/plan", "shared/work", "shared/importing", "shared/sharing", "shared/pricing", "shared/survey", "shared/fanout", "shared/image", "shared/fault",
			},
			TestsMay: []string{"shared/cloudsim", "shared/journal/journaltest", "shared/selection", "shared/function/bearer/bearertest", "scripts/drawn"}, // find looks on
			Why:      "import wires importing and sharing to the cloud, and records what it makes and gives",
		},
		{
			Over: "functions/cleanup",
			May: []string{
				"shared/function", "shared/function/ledger", "shared/function/places", "shared/function/notices", "shared/function/works", "shared/function/change", "shared/function/rulebook", "shared/function/upkeep",
				"shared/alicloud", "shared/alicloud/oss", "shared/journal", "shared/plan", "shared/work", "shared/rules", "shared/notify",
				"shared/retention", "shared/sharing", "shared/pricing", "shared/quoting", "shared/survey", "shared/image", "shared/fault",
			},
			TestsMay: []string{"shared/cloudsim", "shared/journal/journaltest", "shared/function/functiontest", "scripts/drawn"},
			Why:      "cleanup wires retention to the cloud and to prices, to what it keeps in the journal, and to whoever is told",
		},
		{
			Over: "functions/*",
			May: []string{
				"shared/function", "shared/function/places", "shared/alicloud", "shared/selection", "shared/lineage", "shared/pricing", "shared/quoting", "shared/survey", "shared/usage",
				"shared/image", "shared/money", "shared/fault",
			},
			TestsMay: []string{"shared/strictjson", "shared/cloudsim", "shared/cloudsim/company", "shared/function/functiontest", "pgregory.net/rapid"},
			Why:      "a function wires capabilities to the cloud and the runtime; nobody imports a function",
		},
		{
			Over: "scripts/...",
			May: []string{
				"scripts/...", "shared/...", "go.yaml.in/yaml/v3", "mvdan.cc/sh/v3/expand", "mvdan.cc/sh/v3/syntax", "github.com/netresearch/go-cron",
				"github.com/santhosh-tekuri/jsonschema/v6/...", "golang.org/x/text/...",
				"github.com/aliyun/alibaba-cloud-sdk-go/...", "golang.org/x/tools/go/...", "github.com/getkin/kin-openapi/openapi3",
				"github.com/chromedp/chromedp/...", "github.com/chromedp/cdproto/...",
			},
			TestsMay: []string{"github.com/aliyun/alibabacloud-oss-go-sdk-v2/...", "github.com/aliyun/fc-runtime-go-sdk/...", "github.com/google/go-cmp/cmp", "go.uber.org/goleak", "pgregory.net/rapid"},
			Why:      "tools for people may use anything shared; nobody but scripts imports scripts",
		},
	}
}
