// Package pasted does what a person does with lines that an answer has ready to
// paste: a shell reads them, and what they ask of the vendor's CLI goes to an emulated
// cloud as that CLI sends it, by the generic request of the vendor's SDK. The CLI itself
// is to be had as a program only.
package pasted

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// Program is the vendor's CLI.
const Program = "aliyun"

// Call is one call of a program in a line, as a shell reads it.
type Call struct{ Arguments []string }

// Read has a shell read lines in which every command is program, with variables set;
// variables that are not set are an error, as is any other command, and a file that a
// redirection would make.
func Read(ctx context.Context, program, lines string, variables ...string) ([]Call, error) {
	folder, err := os.MkdirTemp("", "pasted-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	shell, err := exec.LookPath("sh")
	if err != nil {
		return nil, err
	}
	// Nothing else is found, and each argument ends with a sign that no text has.
	script := program + `() { printf '%s\0' "$@"; printf '\0'; }` + "\nPATH=/none\nset -eu\n" + lines + "\n"
	command := exec.CommandContext(ctx, shell, "-c", script)
	command.Dir, command.Env = folder, variables
	said, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return nil, fmt.Errorf("%s: %w", lines, err)
	}
	made, err := os.ReadDir(folder)
	if err != nil || len(made) > 0 {
		return nil, errors.Join(err, fmt.Errorf("%s: it makes the files %v", lines, made))
	}
	var calls []Call
	for _, one := range strings.Split(strings.TrimSuffix(string(said), "\x00\x00"), "\x00\x00") {
		calls = append(calls, Call{strings.Split(one, "\x00")})
	}
	return calls, nil
}

// versions are those of the products' APIs that the CLI speaks.
func versions() map[string]string {
	return map[string]string{"ecs": "2014-05-26", "ess": "2014-08-28", "ram": "2015-05-01", "vpc": "2016-04-28"}
}

// Send sends a call of the CLI to a cloud, as the CLI does, and returns what came.
// A refusal is a sdkerrors.Error.
func Send(cloud, key string, c Call) (string, error) {
	if len(c.Arguments) < 2 || len(c.Arguments)%2 != 0 {
		return "", fmt.Errorf("%q is not product, operation, and pairs of names and values", c.Arguments)
	}
	product, operation := c.Arguments[0], c.Arguments[1]
	version := versions()[product]
	if version == "" {
		return "", fmt.Errorf("%q: no such product", product)
	}
	request := requests.NewCommonRequest()
	request.Method, request.Scheme, request.Domain = "POST", "http", strings.TrimPrefix(cloud, "http://")
	request.Product, request.Version, request.ApiName = product, version, operation
	region := "cn-hangzhou"
	for n := 2; n < len(c.Arguments); n += 2 {
		name, isName := strings.CutPrefix(c.Arguments[n], "--")
		if _, twice := request.QueryParams[name]; !isName || twice {
			return "", fmt.Errorf("%q is no name, or is there twice", c.Arguments[n])
		}
		request.QueryParams[name] = c.Arguments[n+1]
		if name == "RegionId" {
			region = c.Arguments[n+1]
		}
	}
	client, err := sdk.NewClientWithOptions(region, sdk.NewConfig(), credentials.NewAccessKeyCredential(key, key+"-secret"))
	if err != nil {
		return "", err
	}
	answer, err := client.ProcessCommonRequest(request)
	if err != nil {
		return "", err
	}
	return answer.GetHttpContentString(), nil
}

// Run reads lines and sends the calls in them one after the other, until one is refused.
func Run(ctx context.Context, cloud, key, lines string, variables ...string) (said []string, err error) {
	calls, err := Read(ctx, Program, lines, variables...)
	if err != nil {
		return nil, err
	}
	for _, c := range calls {
		one, err := Send(cloud, key, c)
		if err != nil {
			return said, fmt.Errorf("%q: %w", c.Arguments, err)
		}
		said = append(said, one)
	}
	return said, nil
}

// Code is the code of a refusal; "" for anything else.
func Code(err error) string {
	var refusal sdkerrors.Error
	if errors.As(err, &refusal) {
		return refusal.ErrorCode()
	}
	return ""
}
