package cloudsim

import (
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// PermitInvocation refuses, with AccessDenied, a caller who may not call a
// function of an account's: it is another account's, or fc:InvokeFunction is
// not allowed.
func (s *Session) PermitInvocation(of image.AccountID, function string) error {
	if s.caller.Account == of && s.caller.may("fc:InvokeFunction", "") {
		return nil
	}
	no := refuseAs(fault.Forbidden, 403, "AccessDenied",
		"the caller is not authorized to perform 'fc:InvokeFunction' on resource 'acs:fc:*:%s:functions/%s'", of, function)
	no.Action = "fc:InvokeFunction"
	return no
}
