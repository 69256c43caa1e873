package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// TestKilledAndFrozenFunctions: whoever waits for a process that dies or stands
// still is told so, and the next one is served.
func TestKilledAndFrozenFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		signal  syscall.Signal
		status  int
		timeout time.Duration
	}{
		{"killed", syscall.SIGKILL, http.StatusBadGateway, time.Minute},
		{"frozen", syscall.SIGSTOP, http.StatusGatewayTimeout, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{
				sim: company.New(cloudsim.Options{Seed: 1}, company.Options{}), timeout: c.timeout, latency: 20 * time.Millisecond,
				environment: map[string]string{"REGIONS": "cn-hangzhou", "ACCOUNTS": ""},
			})
			s.fault(t, ecsapi.Fault{Action: "DescribeImages", Kind: ecsapi.FaultHang, Count: 1})
			status := make(chan int, 1)
			go func() {
				got, _ := s.get("/images")
				status <- got
			}()
			s.signalBusy(t, c.signal)
			if got := <-status; got != c.status {
				t.Errorf("the caller in the middle got %d, want %d", got, c.status)
			}
			if got, body := s.get("/images?limit=1"); got != http.StatusOK {
				t.Errorf("the next caller got %d %s", got, body)
			}
		})
	}
}

// signalBusy waits until the call that hangs was made, and sends a signal to the
// instance that made it.
func (s *stack) signalBusy(t *testing.T, signal syscall.Signal) {
	t.Helper()
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if strings.Contains(string(s.admin(t, http.MethodGet, "/_local/faults", "")), "hang") {
			continue
		}
		_, body := s.get("/_local/functions")
		var state struct {
			Functions []struct {
				Instances []struct {
					PID   int    `json:"pid"`
					State string `json:"state"`
				} `json:"instances"`
			} `json:"functions"`
		}
		if err := json.Unmarshal(body, &state); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, f := range state.Functions {
			for _, i := range f.Instances {
				if i.State == "busy" {
					if err := syscall.Kill(i.PID, signal); err != nil {
						t.Fatal(err)
					}
					return
				}
			}
		}
	}
	t.Fatal("no instance began to work")
}

// TestEveryRequestIsSignedByItsOwnAccount: two accounts are read at once, and
// no call of one carries the key of the other.
func TestEveryRequestIsSignedByItsOwnAccount(t *testing.T) {
	t.Parallel()
	s := start(t, options{
		sim: company.New(cloudsim.Options{Seed: 1}, company.Options{}), rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "1000"},
	})
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			if status, body := s.get("/images?limit=1"); status != http.StatusOK || !strings.Contains(string(body), `"unknown":[]`) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	wait.Wait()
	seen := map[string]int{}
	for _, c := range s.cloud.Calls() {
		assumed := strings.HasPrefix(c.AccessKeyID, "STS.")
		seen[c.Account]++
		if second := c.Account == string(cloudsim.SecondAccount); second != assumed || (!assumed && c.AccessKeyID != "local") {
			t.Errorf("a call for account %s was signed by %s", c.Account, c.AccessKeyID)
		}
	}
	if seen[string(cloudsim.FirstAccount)] == 0 || seen[string(cloudsim.SecondAccount)] == 0 {
		t.Errorf("calls by account: %v", seen)
	}
}
