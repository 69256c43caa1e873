package survey_test

import (
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Who could read too little is told when to try again, unless that never helps.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	why := func(err error) image.Unread {
		return image.UnreadOf("1000000000000001", "cn-hangzhou", survey.MayListImages, err)
	}
	throttled := fault.New(fault.Throttled, "slow down")
	throttled.RetryAfter = 7 * time.Second
	silent, denied := why(fault.New(fault.Unavailable, "no answer")), why(fault.New(fault.Forbidden, "no"))
	for name, c := range map[string]struct {
		unread []image.Unread
		kind   fault.Kind
		wait   time.Duration
	}{
		"a cloud that does not answer": {[]image.Unread{silent}, fault.Unknown, time.Minute},
		"a permission is missing":      {[]image.Unread{silent, denied}, fault.Unknown, 0},
		"the pace of the calls":        {[]image.Unread{silent, why(throttled)}, fault.Throttled, 7 * time.Second},
	} {
		got := survey.Unreadable(c.unread, "nothing")
		if fault.Of(got) != c.kind || got.RetryAfter != c.wait || fault.Code(got) != survey.CodeUnread {
			t.Errorf("%s: %v %v %s", name, fault.Of(got), got.RetryAfter, fault.Code(got))
		}
	}
}
