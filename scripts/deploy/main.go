// Command deploy puts functions where they run, and takes them back. Before
// anything is sent it refuses what must not be deployed, tells what will be made,
// what that asks of the account and what is missing, and asks.
//
//	go run ./scripts/deploy -only find,price            Function Compute
//	go run ./scripts/deploy -only find -platform lambda AWS Lambda
//	go run ./scripts/deploy -check                      refuse only
//	go run ./scripts/deploy -destroy                    take everything back but journal and backups
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

func main() {
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

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	d := deployer{order: o, look: os.LookupEnv, in: os.Stdin, out: os.Stdout, tool: found, run: started}
	if err := d.carryOut(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
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
