package journaltest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"imagekeeper/shared/journal"
)

// writes names, in a writer's environment, the log that it writes.
const writes = "JOURNAL_CONTRACT_WRITES"

// RunKilled holds a store to what must be so after a writer was killed: nothing
// that was acknowledged is lost, and nothing is torn. The writer is this very test,
// called name, in a process of its own; environment is what it needs in order to
// open the place that open opens here. Both call RunKilled.
func RunKilled(t *testing.T, name string, environment []string, open func() journal.Store) {
	t.Helper()
	if subject := os.Getenv(writes); subject != "" {
		writeUntilKilled(t, subject, open())
	}
	for round, after := range []int{1, 10, 33, 56, 79} {
		subject := fmt.Sprint("killed/", round)
		acknowledged := killAfter(t, name, append(environment, writes+"="+subject), after)
		j := journal.New(open(), clock, func() string { return "reader" })
		records, err := j.Read(t.Context(), subject)
		if err != nil || len(records) < acknowledged || len(records) > acknowledged+1 {
			t.Errorf("%d records, %v; %d were acknowledged", len(records), err, acknowledged)
			continue
		}
		if err := j.Append(t.Context(), subject, len(records), "next"); err != nil {
			t.Errorf("after the kill: %v", err)
		}
	}
}

func writeUntilKilled(t *testing.T, subject string, store journal.Store) {
	t.Helper()
	count := 0
	j := journal.New(store, clock, func() string { count++; return fmt.Sprint("w", count) })
	for n := range 100_000 {
		if err := j.Append(t.Context(), subject, n, n); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", n+1)
	}
}

// killAfter starts a writer, kills it once it acknowledged so many records, and
// returns how many it had acknowledged by then.
func killAfter(t *testing.T, name string, environment []string, after int) int {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$")
	writer.Env = append(os.Environ(), environment...)
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	last := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &last); err == nil && last == after {
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = writer.Wait() // it was killed
	if last < after {
		t.Fatalf("the writer stopped by itself after %d records", last)
	}
	return last
}
