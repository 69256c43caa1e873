package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// said is one text in each language.
type said map[Language]string

// titles has a text for every kind; %s is the function.
func titles() map[Kind]said {
	return map[Kind]said{
		Waiting:   {English: "%s: waits for a second person's approval", Chinese: "%s：等待第二人审批"},
		Started:   {English: "%s: started", Chinese: "%s：已开始"},
		Paused:    {English: "%s: paused", Chinese: "%s：已暂停"},
		Halted:    {English: "%s: halted, somebody has to decide", Chinese: "%s：已中止，需要人工决定"},
		Finished:  {English: "%s: finished", Chinese: "%s：已完成"},
		Partly:    {English: "%s: ended, not everything was done", Chinese: "%s：已结束，部分未完成"},
		Failed:    {English: "%s: failed", Chinese: "%s：失败"},
		Aborted:   {English: "%s: aborted", Chinese: "%s：已取消"},
		Planned:   {English: "%s: a rule made a plan; nothing is done until somebody applies it", Chinese: "%s：规则已生成计划，批准前不会执行"},
		Broken:    {English: "%s: the rules cannot be used; nothing was changed", Chinese: "%s：规则文档无法使用，未做任何更改"},
		Expired:   {English: "%s: shares have expired and were removed", Chinese: "%s：共享已到期并已取消"},
		Drifted:   {English: "%s: the accounts of an image are not those that were wished", Chinese: "%s：镜像的共享账号与预期不一致"},
		Reported:  {English: "%s: the report of the month is stored", Chinese: "%s：月度报告已保存"},
		Marked:    {English: "%s: images will be removed unless somebody keeps them", Chinese: "%s：镜像将被清理，除非有人保留"},
		Removed:   {English: "%s: images were removed", Chinese: "%s：镜像已清理"},
		Returned:  {English: "%s: images are kept after all", Chinese: "%s：镜像已恢复保留"},
		Reference: {English: "%s: something refers to an image that was removed", Chinese: "%s：已清理的镜像仍被引用"},
	}
}

// labels has a text for every count.
func labels() map[CountName]said {
	return map[CountName]said{
		Done:    {English: "done", Chinese: "已完成"},
		Open:    {English: "open", Chinese: "未完成"},
		Refused: {English: "refused", Chinese: "已拒绝"},
		Errors:  {English: "failed", Chinese: "失败"},
		Images:  {English: "images", Chinese: "镜像"},
		Servers: {English: "instances", Chinese: "实例"},
		Shares:  {English: "accounts", Chinese: "账号"},
		Unread:  {English: "unknown", Chinese: "未知"},
	}
}

// The small words of a message.
const (
	wordSubject = "subject"
	wordDue     = "due"
	wordMore    = "more"
	wordDetails = "details"
	wordColon   = "colon"
)

func words() map[string]said {
	return map[string]said{
		wordSubject: {English: "About", Chinese: "对象"},
		wordDue:     {English: "Due", Chinese: "执行时间"},
		wordMore:    {English: "and %d more", Chinese: "还有 %d 项"},
		wordDetails: {English: "Details", Chinese: "详情"},
		wordColon:   {English: ": ", Chinese: "："},
	}
}

// message is a notice in words: a title of ours, and lines in which foreign text
// is already inert.
type message struct {
	title string
	lines []string
	link  string
}

// write puts a notice into words.
func write(n Notice, in Language) message {
	colon := words()[wordColon][in]
	say := func(word string) string { return words()[word][in] }
	m := message{title: fmt.Sprintf(titles()[n.Kind][in], n.Function), link: n.Link}
	if n.Subject != "" {
		m.lines = append(m.lines, say(wordSubject)+colon+Inert(n.Subject))
	}
	var counts []string
	for _, c := range n.Counts {
		counts = append(counts, fmt.Sprintf("%s %d", labels()[c.Name][in], c.N))
	}
	if len(counts) > 0 {
		m.lines = append(m.lines, strings.Join(counts, " · "))
	}
	for _, i := range n.Items[:min(len(n.Items), mostItems)] {
		line := "- " + Inert(i.Name)
		if i.Code != "" {
			line += colon + Inert(i.Code)
		}
		if i.Sentence != "" {
			line += " (" + Inert(i.Sentence) + ")"
		}
		m.lines = append(m.lines, line)
	}
	if rest := len(n.Items) - mostItems; rest > 0 {
		m.lines = append(m.lines, fmt.Sprintf(say(wordMore), rest))
	}
	if !n.Due.IsZero() {
		m.lines = append(m.lines, say(wordDue)+colon+n.Due.UTC().Format(time.RFC3339))
	}
	return m
}

// text is the whole message as lines, with the link as the last one.
func (m message) text(in Language) string {
	lines := append([]string{m.title}, m.lines...)
	if m.link != "" {
		lines = append(lines, words()[wordDetails][in]+words()[wordColon][in]+m.link)
	}
	return strings.Join(lines, "\n")
}

// Text is a notice as plain text.
func Text(n Notice, in Language) string { return write(n, in).text(in) }

// mostRunes is how much of a foreign text is shown; an image's name has 128.
const mostRunes = 160

// www begins what clients make a link of without a scheme.
const www = "www."

// Inert is a foreign text that no target makes more of than text: nothing that
// cannot be seen or that turns the direction of writing, no mention, no link. It
// stays as readable as that leaves it.
func Inert(s string) string {
	var out strings.Builder
	shown := 0
	for _, r := range s {
		if shown++; shown > mostRunes {
			out.WriteString("…")
			break
		}
		switch {
		case r == '@':
			out.WriteRune('＠')
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), r == unicode.ReplacementChar:
			out.WriteRune('·')
		default:
			out.WriteRune(r)
		}
	}
	return noLinks(out.String())
}

// noLinks breaks what a client would make a link of, in the way that is common
// for suspicious addresses.
func noLinks(s string) string {
	s = strings.ReplaceAll(s, "://", "[:]//")
	var out strings.Builder
	for s != "" {
		if n := len(www); len(s) >= n && strings.EqualFold(s[:n], www) {
			out.WriteString(s[:n-1] + "[.]")
			s = s[n:]
			continue
		}
		out.WriteByte(s[0])
		s = s[1:]
	}
	return out.String()
}
