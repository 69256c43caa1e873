package ecsapi

import (
	"encoding/base64"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// bootOperations are those by which an image is tried on an instance: its
// release, its console and its Cloud Assistant.
func bootOperations() []operation {
	return []operation{
		{name: "ModifyInstanceAutoReleaseTime", run: modifyAutoRelease, takes: declared(`InstanceId! AutoReleaseTime`)},
		{name: "GetInstanceConsoleOutput", run: consoleOutput, takes: declared(`InstanceId! RegionId! RemoveSymbols:bool`)},
		{name: "RunCommand", run: runCommand, takes: declared(`
			RegionId! Type! CommandContent! ClientToken ContentEncoding Description EnableParameter:bool Frequency InstanceId.N KeepCommand:bool
			Name Parameters RepeatMode Tag.N.Key Tag.N.Value TerminationMode Timeout:int64 Timed:bool Username WorkingDir`)},
		{name: "InvokeCommand", run: invokeCommand, takes: declared(`
			RegionId! CommandId! ClientToken Frequency InstanceId.N Parameters RepeatMode Tag.N.Key Tag.N.Value Timeout:int64 Timed:bool Username`)},
		{name: "DescribeInvocations", run: describeInvocations, lists: numbered, takes: declared(`
			RegionId! CommandId CommandName CommandType ContentEncoding IncludeOutput:bool InstanceId InvokeId InvokeStatus MaxResults:int NextToken
			PageNumber:int64 PageSize:int64 RepeatMode`)},
		{name: "DescribeInvocationResults", run: describeInvocationResults, lists: numbered, takes: declared(`
			RegionId! CommandId ContentEncoding IncludeHistory:bool InstanceId InvokeId InvokeRecordStatus MaxResults:int NextToken
			PageNumber:int64 PageSize:int64`)},
		{name: "StopInvocation", run: stopInvocation, takes: declared(`RegionId! InvokeId! InstanceId.N`)},
		{name: "DescribeCloudAssistantStatus", run: describeAssistant, lists: numbered, takes: declared(`
			RegionId! InstanceId.N MaxResults:int NextToken OSType PageNumber:int64 PageSize:int64`)},
	}
}

func modifyAutoRelease(c *call) (answer, error) {
	return finished(c.session.ModifyInstanceAutoReleaseTime(cloudsim.ModifyInstanceAutoReleaseTimeRequest{
		InstanceID: image.InstanceID(c.parameters.text("InstanceId")), AutoReleaseTime: c.parameters.text("AutoReleaseTime"),
	}))
}

type consoleAnswer struct {
	receipt
	InstanceID     string `json:"InstanceId"`
	ConsoleOutput  string
	LastUpdateTime string
}

// consoleOutput writes the time as the vendor does: that of Beijing, without a
// zone.
func consoleOutput(c *call) (answer, error) {
	p := c.parameters
	_ = p.flag("RemoveSymbols")
	out, err := c.session.GetInstanceConsoleOutput(image.RegionID(p.text("RegionId")), image.InstanceID(p.text("InstanceId")))
	if err != nil {
		return nil, err
	}
	return &consoleAnswer{
		InstanceID: p.text("InstanceId"), ConsoleOutput: out.Output,
		LastUpdateTime: out.UpdatedAt.In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05"),
	}, nil
}

type commandAnswer struct {
	receipt
	CommandID string `json:"CommandId,omitempty"`
	InvokeID  string `json:"InvokeId"`
}

func runCommand(c *call) (answer, error) {
	p := c.parameters
	out, err := c.session.RunCommand(cloudsim.RunCommandRequest{
		RegionID: image.RegionID(p.text("RegionId")), Type: p.text("Type"), Content: p.text("CommandContent"), Encoding: p.text("ContentEncoding"),
		InstanceIDs: given[image.InstanceID](p.repeat("InstanceId")), TimeoutSeconds: c.size("Timeout"), Name: p.text("Name"),
		Username: p.text("Username"), WorkingDir: p.text("WorkingDir"), KeepCommand: p.flag("KeepCommand"), RepeatMode: p.text("RepeatMode"),
		Tags: c.tags(), ClientToken: p.text("ClientToken"),
	})
	if err != nil {
		return nil, err
	}
	return &commandAnswer{CommandID: out.CommandID, InvokeID: out.InvokeID}, nil
}

func invokeCommand(c *call) (answer, error) {
	p := c.parameters
	out, err := c.session.InvokeCommand(cloudsim.RunCommandRequest{
		RegionID: image.RegionID(p.text("RegionId")), CommandID: p.text("CommandId"), InstanceIDs: given[image.InstanceID](p.repeat("InstanceId")),
		TimeoutSeconds: c.size("Timeout"), RepeatMode: p.text("RepeatMode"), ClientToken: p.text("ClientToken"),
	})
	if err != nil {
		return nil, err
	}
	return &commandAnswer{InvokeID: out.InvokeID}, nil
}

// encoded is an output as it was asked for: Base64 unless PlainText.
func (c *call) encoded(text string) string {
	if c.parameters.text("ContentEncoding") == "PlainText" {
		return text
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

func (c *call) invocationsRequest() cloudsim.DescribeInvocationsRequest {
	p := c.parameters
	req := cloudsim.DescribeInvocationsRequest{
		RegionID: image.RegionID(p.text("RegionId")), InvokeID: p.text("InvokeId"), CommandID: p.text("CommandId"),
		InstanceID: image.InstanceID(p.text("InstanceId")), Pages: c.pages(),
	}
	if n, ok := p.integer("MaxResults"); ok && req.Pages == (cloudsim.Pages{}) {
		req.Pages.Size = min(max(n, 1), 50)
	}
	return req
}

// recordStatus is the older word for how a run stands.
func recordStatus(s cloudsim.InvocationStatus) string {
	switch s {
	case cloudsim.InvocationPending, cloudsim.InvocationRunning:
		return "Running"
	case cloudsim.InvocationSuccess, cloudsim.InvocationFailed:
		return "Finished" // whatever the exit code
	case cloudsim.InvocationPartial:
		return "PartialFailed"
	case cloudsim.InvocationCancelled, cloudsim.InvocationStopped:
		return "Stopped"
	}
	return "Failed"
}

type invocationsAnswer struct {
	receipt
	pageNumbers
	NextToken   string
	Invocations struct{ Invocation rows[wireInvocation] }
}

type wireInvocation struct {
	InvokeID         string `json:"InvokeId"`
	CommandID        string `json:"CommandId"`
	CommandName      string
	CommandType      string
	CommandContent   string
	CreationTime     string
	InvocationStatus string
	InvokeStatus     string
	RepeatMode       string
	Timeout          int
	Username         string
	WorkingDir       string
	InvokeInstances  struct{ InvokeInstance []wireInvokeInstance }
	Tags             wireTags
}

type wireInvokeInstance struct {
	InstanceID           string `json:"InstanceId"`
	InvocationStatus     string
	InstanceInvokeStatus string
	ExitCode             int
	ErrorCode            string
	ErrorInfo            string
	Output               string
	Dropped              int
	Repeats              int
	CreationTime         string
	StartTime            string
	FinishTime           string
	UpdateTime           string
}

func (a *invocationsAnswer) content() editable { return &a.Invocations.Invocation }
func (a *invocationsAnswer) place() *pagePlace {
	return &pagePlace{pages: &a.pageNumbers, next: &a.NextToken}
}

func describeInvocations(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeInvocations(c.invocationsRequest())
	if err != nil {
		return nil, err
	}
	a := &invocationsAnswer{pageNumbers: marked(page.PageMark)}
	a.Invocations.Invocation = rowsOf(page.Invocations, func(row cloudsim.InvocationRow) wireInvocation {
		req := row.Request
		out := wireInvocation{
			InvokeID: row.InvokeID, CommandID: row.CommandID, CommandName: req.Name, CommandType: req.Type, CommandContent: c.encoded(req.Content),
			CreationTime: toSecond(row.CreatedAt), InvocationStatus: string(row.Status), InvokeStatus: recordStatus(row.Status),
			RepeatMode: "Once", Timeout: req.TimeoutSeconds, Username: req.Username, WorkingDir: req.WorkingDir, Tags: tagsOnWire(tagsOf(req.Tags)),
		}
		out.InvokeInstances.InvokeInstance = rowsOf(row.Runs, func(r cloudsim.RunRow) wireInvokeInstance {
			one := wireInvokeInstance{
				InstanceID: string(r.InstanceID), InvocationStatus: string(r.Status), InstanceInvokeStatus: recordStatus(r.Status),
				ExitCode: r.ExitCode, ErrorCode: r.Code, ErrorInfo: r.Info, Repeats: r.Repeats, CreationTime: toSecond(row.CreatedAt),
				StartTime: toSecond(r.StartedAt), FinishTime: toSecond(r.EndedAt), UpdateTime: toSecond(r.EndedAt),
			}
			if p.flag("IncludeOutput") {
				one.Output = c.encoded(r.Output)
			}
			return one
		})
		return out
	})
	return a, nil
}

func tagsOf(tags []cloudsim.Tag) image.Tags {
	out := image.Tags{}
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}

// resultsAnswer has its paging inside.
type resultsAnswer struct {
	receipt
	Invocation wireResults
}

type wireResults struct {
	pageNumbers
	NextToken         string
	InvocationResults struct{ InvocationResult rows[wireResult] }
}

type wireResult struct {
	InvokeID           string `json:"InvokeId"`
	CommandID          string `json:"CommandId"`
	InstanceID         string `json:"InstanceId"`
	InvocationStatus   string
	InvokeRecordStatus string
	ExitCode           int
	ErrorCode          string
	ErrorInfo          string
	Output             string
	Dropped            int
	Repeats            int
	StartTime          string
	FinishedTime       string
	Username           string
	Tags               wireTags
}

func (a *resultsAnswer) content() editable { return &a.Invocation.InvocationResults.InvocationResult }

func (a *resultsAnswer) place() *pagePlace {
	return &pagePlace{pages: &a.Invocation.pageNumbers, next: &a.Invocation.NextToken}
}

func describeInvocationResults(c *call) (answer, error) {
	page, err := c.session.DescribeInvocationResults(c.invocationsRequest())
	if err != nil {
		return nil, err
	}
	a := &resultsAnswer{Invocation: wireResults{pageNumbers: marked(page.PageMark)}}
	a.Invocation.InvocationResults.InvocationResult = rowsOf(page.Runs, func(r cloudsim.RunRow) wireResult {
		return wireResult{
			InvokeID: r.InvokeID, CommandID: r.CommandID, InstanceID: string(r.InstanceID), InvocationStatus: string(r.Status),
			InvokeRecordStatus: recordStatus(r.Status), ExitCode: r.ExitCode, ErrorCode: r.Code, ErrorInfo: r.Info, Output: c.encoded(r.Output),
			Repeats: r.Repeats, StartTime: toSecond(r.StartedAt), FinishedTime: toSecond(r.EndedAt), Username: r.Username, Tags: tagsOnWire(r.Tags),
		}
	})
	return a, nil
}

func stopInvocation(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.StopInvocation(image.RegionID(p.text("RegionId")), p.text("InvokeId"), given[image.InstanceID](p.repeat("InstanceId"))))
}

type assistantAnswer struct {
	receipt
	pageNumbers
	NextToken string
	Set       struct {
		Status rows[wireAssistant] `json:"InstanceCloudAssistantStatus"`
	} `json:"InstanceCloudAssistantStatusSet"`
}

// wireAssistant says whether it lives in a text.
type wireAssistant struct {
	InstanceID            string `json:"InstanceId"`
	CloudAssistantStatus  string
	CloudAssistantVersion string
	LastHeartbeatTime     string
	LastInvokedTime       string
	OSType                string
	ActiveTaskCount       int
	InvocationCount       int
	SupportSessionManager bool
}

func (a *assistantAnswer) content() editable { return &a.Set.Status }
func (a *assistantAnswer) place() *pagePlace {
	return &pagePlace{pages: &a.pageNumbers, next: &a.NextToken}
}

func describeAssistant(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.DescribeCloudAssistantStatusRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceIDs: given[image.InstanceID](p.repeat("InstanceId")), OSType: p.text("OSType"), Pages: c.pages(),
	}
	if n, ok := p.integer("MaxResults"); ok && req.Pages == (cloudsim.Pages{}) {
		req.Pages.Size = min(max(n, 1), 50)
	}
	page, err := c.session.DescribeCloudAssistantStatus(req)
	if err != nil {
		return nil, err
	}
	a := &assistantAnswer{pageNumbers: marked(page.PageMark)}
	a.Set.Status = rowsOf(page.Instances, func(row cloudsim.AssistantRow) wireAssistant {
		alive := "false"
		if row.Alive {
			alive = "true"
		}
		return wireAssistant{
			InstanceID: string(row.InstanceID), CloudAssistantStatus: alive, CloudAssistantVersion: row.Version,
			LastHeartbeatTime: toSecond(row.HeartbeatAt), OSType: string(row.OSType),
		}
	})
	return a, nil
}
