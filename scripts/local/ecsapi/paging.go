package ecsapi

import (
	"imagekeeper/shared/cloudsim"
)

// rowsOf turns what the cloud lists into rows of an answer. None are an empty
// list, which is written as [], not null.
func rowsOf[T, R any](list []T, row func(T) R) rows[R] {
	out := make(rows[R], len(list))
	for i, each := range list {
		out[i] = row(each)
	}
	return out
}

// pagePlace is what a page says of itself: by number, by token, or nothing.
type pagePlace struct {
	pages *pageNumbers
	next  *string
	// total is the count of a page by token that has no number.
	total *int
}

func (p *pagePlace) number() int {
	if p.pages == nil {
		return 0
	}
	return p.pages.PageNumber
}

func (p *pagePlace) renumber(n int) {
	if p.pages != nil {
		p.pages.PageNumber = n
	}
}

func (p *pagePlace) tokens() bool { return p.next != nil && *p.next != "" }

func (p *pagePlace) empty() {
	if p.pages != nil {
		p.pages.TotalCount = 0
	}
	if p.next != nil {
		*p.next = ""
	}
	if p.total != nil {
		*p.total = 0
	}
}

// pageNumbers are in the answers of lists that are read by page number.
type pageNumbers struct {
	PageNumber int `json:"PageNumber"`
	PageSize   int `json:"PageSize"`
	TotalCount int `json:"TotalCount"`
}

func marked(m cloudsim.PageMark) pageNumbers {
	return pageNumbers{PageNumber: m.Number, PageSize: m.Size, TotalCount: m.Total}
}

// pages reads the page-number style. What is given as 0 is wrong, what is
// absent is not.
func (c *call) pages() cloudsim.Pages {
	var p cloudsim.Pages
	if n, ok := c.parameters.integer("PageNumber"); ok {
		p.Number = refusable(n)
	}
	if n, ok := c.parameters.integer("PageSize"); ok {
		p.Size = refusable(n)
	}
	return p
}

// refusable makes a number that is given but not positive one that is refused.
func refusable(n int) int {
	if n < 1 {
		return -1
	}
	return n
}

// tokens reads the token style, in which MaxResults is clamped.
func (c *call) tokens() cloudsim.Tokens {
	t := cloudsim.Tokens{Next: c.parameters.text("NextToken"), Pages: c.pages()}
	if n, ok := c.parameters.integer("MaxResults"); ok {
		t.MaxResults = max(n, 1)
	}
	return t
}
