package alicloud_test

import (
	"net/url"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

const other = image.AccountID("1000000000000002")

// TestAccountsOfACall: the caller's own and one per role, each with what is known
// of it before it is asked; a role that cannot be assumed hides no other account.
func TestAccountsOfACall(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		switch {
		case action == "AssumeRole" && q.Get("RoleArn") == string(arn):
			return refused(403, "NoPermission", q)
		case action == "DescribeImages":
			return ok(imagesPage(q, 3))
		}
		return answered{}
	})
	caller := alicloud.Caller{Credentials: planted(), Account: account}
	all := open(t, w).Accounts(caller, []alicloud.RoleARN{arn}, "imagekeeper-find")
	if len(all) != 2 {
		t.Fatalf("got %d accounts, want 2", len(all))
	}
	own, role := all[0], all[1]
	if own.Named() != account || own.Through() != "" || role.Named() != other || role.Through() != arn {
		t.Errorf("got %s %q and %s %q", own.Named(), own.Through(), role.Named(), role.Through())
	}
	if n := w.count("GetCallerIdentity") + w.count("AssumeRole"); n != 0 {
		t.Errorf("%d calls were made before anything was asked", n)
	}
	for range 3 {
		if _, err := role.Images(t.Context(), region, image.Listing{Kind: image.KindCustom}); fault.Of(err) != fault.Forbidden {
			t.Errorf("the role: got %v, want kind %s", err, fault.Forbidden)
		}
		if found, err := own.Images(t.Context(), region, image.Listing{Kind: image.KindCustom}); err != nil || len(found) != 3 {
			t.Errorf("our own: got %d images, %v", len(found), err)
		}
	}
}

// TestWhoseAccountIfSTSDoesNotSay: refused by STS, an account is the one that the
// invocation names; what STS says wins, and any other failure stays one.
func TestWhoseAccountIfSTSDoesNotSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		named image.AccountID
		says  answered
		want  image.AccountID
		kind  fault.Kind
	}{
		{name: "refused", named: other, says: answered{status: 403, body: `{"RequestId":"A","Code":"NoPermission"}`}, want: other},
		{name: "refused and not named", says: answered{status: 403, body: `{"RequestId":"A","Code":"NoPermission"}`}, kind: fault.Forbidden},
		{name: "answered", named: other, says: answered{}, want: account},
		{name: "empty", named: other, says: ok("{}"), kind: fault.Unknown},
		{name: "key unknown", named: other, says: answered{status: 404, body: `{"RequestId":"A","Code":"InvalidAccessKeyId.NotFound"}`}, kind: fault.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(string, int, url.Values) answered { return c.says })
			cloud := open(t, w)
			own := cloud.Accounts(alicloud.Caller{Credentials: planted(), Account: c.named}, nil, "")[0]
			for range 2 {
				if id, err := own.ID(t.Context()); id != c.want || fault.Of(err) != c.kind {
					t.Errorf("got %q, %v", id, err)
				}
			}
			asked := w.count("GetCallerIdentity")
			again, err := cloud.Accounts(alicloud.Caller{Credentials: planted(), Account: c.named}, nil, "")[0].ID(t.Context())
			if again != c.want || c.kind == "" && (err != nil || w.count("GetCallerIdentity") != asked) {
				t.Errorf("asked again: %q, %v, %d calls", again, err, w.count("GetCallerIdentity"))
			}
		})
	}
}
