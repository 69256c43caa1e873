package function

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"imagekeeper/shared/fault"
)

const usage = `%s is a serverless function. It runs where the platform starts it:
on Function Compute (FC_RUNTIME_API is set) or AWS Lambda (AWS_LAMBDA_RUNTIME_API is set).

  bootstrap describe    print its operations as an OpenAPI 3.1 document
  bootstrap check       say whether its environment is complete and right
  bootstrap rules FILE  say what a document of its rules means, or what is wrong with it
  bootstrap schema      print the JSON Schema of its rules

On one machine "make up" runs it behind a local gateway.
`

// Serve is the whole main of a function. It runs where the environment says
// and does not return. open makes the function from its configuration; if that
// fails, one line of the log says which variable is wrong, and every event is
// answered with a problem that names it.
func Serve(name string, open func(Lookup) (*Function, error)) {
	os.Exit(serve(name, open, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

func serve(name string, open func(Lookup) (*Function, error), args []string, look Lookup, stdout, stderr io.Writer) int {
	api, onFunctionCompute := look("FC_RUNTIME_API")
	lambdaAPI, onLambda := look("AWS_LAMBDA_RUNTIME_API")
	switch {
	case len(args) == 1 && args[0] == "describe":
		return printDescription(open, look, stdout, stderr)
	case len(args) == 1 && args[0] == "check":
		return checkConfiguration(open, look, stderr)
	case len(args) == 1 && args[0] == "schema":
		return printSchema(open, look, stdout, stderr)
	case len(args) == 2 && args[0] == "rules":
		return explain(open, look, args[1], stdout, stderr)
	case len(args) > 0 || api == "" && lambdaAPI == "":
		fmt.Fprintf(stderr, usage, name)
		return 2
	}
	limitMemory(look)
	level, _ := look("LOG_LEVEL")
	log := newLog(stdout, level)
	f := opened(name, open, look, log)
	if onFunctionCompute && api != "" {
		fc.Start(f.functionCompute(look, log))
	}
	if onLambda {
		f.limit, f.patience = limitLambda, patienceLambda
		lambda.Start(f.lambda(look, log))
	}
	return 1
}

func printDescription(open func(Lookup) (*Function, error), look Lookup, stdout, stderr io.Writer) int {
	f, err := open(look)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	document, err := json.MarshalIndent(f.Describe(), "", "  ")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintf(stdout, "%s\n", document)
	return 0
}

// checkConfiguration says what of the environment keeps the function from working.
func checkConfiguration(open func(Lookup) (*Function, error), look Lookup, stderr io.Writer) int {
	f, err := open(look)
	if err == nil {
		err = f.Guard(look)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// opened returns the function, or one that only says what is wrong with its
// configuration.
func opened(name string, open func(Lookup) (*Function, error), look Lookup, log *slog.Logger) *Function {
	f, err := open(look)
	if err == nil {
		err = f.Guard(look)
	}
	if err == nil {
		if f.gate.policy == nil {
			// Whoever reaches the HTTP trigger may read, and nobody may apply anything over HTTP.
			log.Warn("access", "function", name, "variable", "PORTAL_JWKS", "set", false, "callers", subjectAnonymous, "role", string(Viewer))
		}
		return f
	}
	log.Error("configuration", "function", name, "variable", variables(err), "error", err)
	return newBroken(name, err)
}

// newBroken makes a function that answers every event with what keeps it from
// working. Callers learn the names of the variables, the log the rest.
func newBroken(name string, err error) *Function {
	f := New(name)
	sentence := "this function could not start"
	if wrong := variables(err); wrong != "" {
		sentence = "this function is not configured: see " + wrong
	}
	f.broken = fault.Wrap(fault.Internal, err, "%s", sentence).WithCode(codeConfiguration)
	return f
}

// variables returns the names of the variables that err blames.
func variables(err error) string {
	var several mistakes
	if !errors.As(err, &several) {
		var one *fault.Error
		if !errors.As(err, &one) {
			return ""
		}
		return one.Field
	}
	names := make([]string, len(several))
	for i, m := range several {
		names[i] = m.Field
	}
	return strings.Join(names, ", ")
}

// unhurried is how much more than what is in use, in percent, the collector lets come
// together while there is room: it takes a fifth of the processor's time otherwise.
const unhurried = 300

// limitMemory tells Go's collector how much memory the instance has, so that it
// works harder before the platform kills the instance, and less before that.
func limitMemory(look Lookup) {
	if own, _ := look("GOMEMLIMIT"); own != "" {
		return
	}
	for _, name := range []string{"FC_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"} {
		text, _ := look(name)
		if mib, err := strconv.Atoi(text); err == nil && mib > 0 {
			debug.SetMemoryLimit(int64(mib) << 20 / 10 * 9)
			if own, _ := look("GOGC"); own == "" {
				debug.SetGCPercent(unhurried)
			}
			return
		}
	}
}

// functionCompute is the handler for Function Compute. The raw message keeps
// the SDK from writing bytes as base64.
func (f *Function) functionCompute(look Lookup, log *slog.Logger) func(context.Context, []byte) (json.RawMessage, error) {
	return func(ctx context.Context, event []byte) (json.RawMessage, error) {
		call := fromEnvironment(look)
		call.Log = log
		if told, ok := fccontext.FromContext(ctx); ok {
			call.RequestID = told.RequestID
			call.Region = cmp.Or(told.Region, call.Region)
			call.AccountID = cmp.Or(told.AccountId, call.AccountID)
			if told.Credentials.AccessKeyId != "" {
				call.Credentials = Credentials{
					AccessKeyID:   told.Credentials.AccessKeyId,
					Secret:        Secret(told.Credentials.AccessKeySecret),
					SecurityToken: Secret(told.Credentials.SecurityToken),
				}
			}
		}
		return f.Invoke(ctx, call, event), nil
	}
}

// lambda is the handler for AWS Lambda. Its own credentials are AWS's, so
// those for the cloud come from the environment.
func (f *Function) lambda(look Lookup, log *slog.Logger) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
		call := fromEnvironment(look)
		call.Log = log
		if told, ok := lambdacontext.FromContext(ctx); ok {
			call.RequestID = told.AwsRequestID
		}
		return f.Invoke(ctx, call, event), nil
	}
}

// fromEnvironment is what the standard variables say; they are read for every
// event, so that nothing is kept.
func fromEnvironment(look Lookup) Call {
	get := func(name string) string {
		value, _ := look(name)
		return value
	}
	return Call{
		AccountID: get("FC_ACCOUNT_ID"),
		Region:    get("FC_REGION"),
		Credentials: Credentials{
			AccessKeyID:   get("ALIBABA_CLOUD_ACCESS_KEY_ID"),
			Secret:        Secret(get("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
			SecurityToken: Secret(get("ALIBABA_CLOUD_SECURITY_TOKEN")),
		},
	}
}
