package function

import (
	"context"
	"log/slog"
	"time"
)

// Decision is what became of a call that the audit is told of.
type Decision string

// The decisions.
const (
	Allowed Decision = "allowed"
	Refused Decision = "refused"
)

// codeHeld is why a call is allowed: the caller has the role it needs.
const codeHeld = "roleHeld"

// AuditRecord is a decision about who may do what. It never holds a token, nor
// anything of a token that was refused.
type AuditRecord struct {
	// Time is when it was decided, UTC.
	Time time.Time `json:"time"`
	// RequestID is the platform's name for the event.
	RequestID string `json:"requestId"`
	Source    Source `json:"source"`
	// SourceIP is the caller's address over HTTP, as the platform told it.
	SourceIP string `json:"sourceIp,omitempty"`
	// Caller is empty if nobody showed who they are.
	Caller Caller `json:"caller"`
	// Operation is empty if the request was for none.
	Operation string `json:"operation,omitempty"`
	// Apply: the call asked to apply what the operation plans.
	Apply bool `json:"apply"`
	// Role is the one that was needed; empty if it did not come to that.
	Role     Role     `json:"role,omitempty"`
	Decision Decision `json:"decision"`
	// Code is why, stable: "roleHeld", "roleMissing", or a code of package bearer.
	Code string `json:"code"`
}

// Audit makes hook hear of every call that is refused for want of a token or a
// role, and of every call that is allowed to change something, before it does.
// It is called by the goroutine that serves the call, many at a time; if it
// panics, the call fails. A line is in the log with or without a hook. Call
// Audit before the first event. It returns f.
func (f *Function) Audit(hook func(ctx context.Context, record AuditRecord)) *Function {
	f.auditor = hook
	return f
}

// audit completes record, writes it to the log and offers it to the hook.
func (f *Function) audit(ctx context.Context, call Call, record AuditRecord) {
	record.Time = time.Now().UTC()
	record.RequestID, record.Source, record.SourceIP = call.RequestID, call.Source, call.SourceIP
	record.Caller = call.Caller
	level := slog.LevelInfo
	if record.Decision == Refused {
		level = slog.LevelWarn
	}
	call.Log.Log(ctx, level, "audit",
		"decision", string(record.Decision), "code", record.Code,
		"apply", record.Apply, "role", string(record.Role), "subject", record.Caller.Subject, "issuer", record.Caller.Issuer,
		"trigger", string(record.Source), "source_ip", record.SourceIP)
	if f.auditor != nil {
		f.auditor(ctx, record)
	}
}
