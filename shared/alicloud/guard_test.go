package alicloud

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestAddressesThatMayBeDialled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		local   bool
		address string
		want    bool
	}{
		{true, "127.0.0.1:80", true},
		{true, "[::1]:80", true},
		{true, "192.0.2.1:80", false},
		{true, "10.0.0.1:80", false},
		{false, "47.97.1.2:443", true},
		{false, "[2401:b180::1]:443", true},
		{false, "100.103.0.1:443", true}, // a VPC endpoint
		{false, "10.1.2.3:443", true},    // PrivateLink
		{false, "100.100.100.200:443", false},
		{false, "[::ffff:100.100.100.200]:443", false},
		{false, "127.0.0.1:443", false},
		{false, "[::1]:443", false},
		{false, "[::ffff:127.0.0.1]:443", false},
		{false, "169.254.169.254:443", false},
		{false, "[fe80::1%eth0]:443", false},
		{false, "0.0.0.0:443", false},
		{false, "224.0.0.1:443", false},
		{false, "nonsense", false},
	} {
		if err := checkAddress(c.local, c.address); (err == nil) != c.want {
			t.Errorf("local=%t %s: %v, want allowed=%t", c.local, c.address, err, c.want)
		}
	}
}

func TestHostsThatMayBeDialled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for _, address := range []string{"evil.example:443", "169.254.169.254:80", "10.0.0.1:443", "aliyuncs.com.evil.example:443", "x"} {
		if _, err := dialGuarded(ctx, "tcp", address); !errors.Is(err, errRefusedAddress) {
			t.Errorf("%s: got %v, want a refusal", address, err)
		}
	}
}

func TestRetryAfterIsReadInMilliseconds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"X-Acs-Retry-After", "1500", 1500 * time.Millisecond},
		{"X-Acs-Retry-After", "-1", 0},
		{"X-Acs-Retry-After", "soon", 0},
		{"X-Ratelimit-User-Api", "Limit:1000,Remain:0,TimeLeft:2000", 2 * time.Second},
		{"X-Ratelimit-User", "Limit:1000, TimeLeft:300", 300 * time.Millisecond},
		{"X-Other", "1", 0},
	} {
		h := http.Header{c.name: {c.value}}
		if got := retryAfter(h, quotaIn(h, time.Time{})); got != c.want {
			t.Errorf("%s: %s: got %v, want %v", c.name, c.value, got, c.want)
		}
	}
}
