package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// flags reads the command line.
func flags() order {
	var o order
	only := flag.String("only", "", "the functions, separated by commas; all to name every one (default find,price; with -check and -destroy all)")
	flag.StringVar(&o.platform, "platform", platformFC, "fc (Function Compute) or lambda (AWS Lambda)")
	flag.StringVar(&o.region, "region", "", "region of the functions; cn-hangzhou if neither this nor REGION says so")
	flag.BoolVar(&o.check, "check", false, "refuse what must not be deployed, and send nothing")
	flag.BoolVar(&o.plan, "plan", false, "say what would be done, and send nothing")
	flag.BoolVar(&o.destroy, "destroy", false, "take back what was deployed")
	flag.BoolVar(&o.yes, "yes", false, "do not ask")
	flag.StringVar(&o.root, "root", ".", "folder of the module")
	flag.Parse()
	o.only = strings.FieldsFunc(*only, func(r rune) bool { return r == ',' || r == ' ' })
	return o
}

// found reports whether a program is installed.
func found(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// started runs a command with the variables given, in the caller's terminal, and
// returns what it wrote if capture is set.
func started(ctx context.Context, c command) (string, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.folder, append(os.Environ(), c.environment...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	if !c.capture {
		cmd.Stdout = os.Stdout
		return "", wrapped(c, cmd.Run())
	}
	text, err := cmd.Output()
	return string(text), wrapped(c, err)
}

func wrapped(c command, err error) error {
	if err == nil {
		return nil
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return fmt.Errorf("%s: it failed (%w)", c.name(), err)
	}
	return fmt.Errorf("%s: %w", c.name(), err)
}
