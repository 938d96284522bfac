package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/templates"
)

// pageRows is how many rows a page of a table has, unless another of pageSizes is asked for.
const pageRows = 50

var pageSizes = []int{pageRows, 100, 200}

// pageSize returns the rows of a page that are asked for.
func pageSize(q query) int {
	n, _ := strconv.Atoi(q.Get("rows"))
	if !slices.Contains(pageSizes, n) {
		return pageRows
	}
	return n
}

// sortColumn is a column of a list, and the name of its sort key.
type sortColumn struct {
	label, sort string
	numeric     bool
	minor       bool
}

// listPage is an open page of a list: its search, its order, and its rows.
type listPage[E any] struct {
	list   *listing[E]
	v      *pageRequest
	search string
	sort   string
	down   bool
	page   int
	size   int // rows of a page

	rows listed
	at   time.Time // when they were listed
}

// openList opens the page of a list that is asked for.
func openList[E any](l *listing[E], v *pageRequest) *listPage[E] {
	l.join(v)
	p := &listPage[E]{list: l, v: v, search: strings.TrimSpace(v.query.Get("q"))}
	p.sort, p.down = strings.CutPrefix(v.query.Get("sort"), "-")
	p.page, _ = strconv.Atoi(v.query.Get("page"))
	p.page, p.size = max(p.page, 1), pageSize(v.query)
	return p
}

// refresh lists the rows anew if they are as old as every. key returns the sort key and the filter for a search in
// lower case.
func (p *listPage[E]) refresh(every time.Duration, key func(search string) func(*E) (rowKey, bool)) {
	if time.Since(p.at) < every {
		return
	}
	p.at = time.Now()
	p.rows = p.list.list(p.page, p.size, p.down, p.v.listAge(), key(strings.ToLower(p.search)))
	p.page = p.rows.page
}

// columns returns the heads of the columns; the default order is by usual.
func (p *listPage[E]) columns(path string, columns []sortColumn, usual string) []templates.Column {
	var heads []templates.Column
	for _, c := range columns {
		heads = append(heads, column(p.v.query, path, c, cmp.Or(p.sort, usual), p.down))
	}
	return heads
}

func (p *listPage[E]) pager(path string) templates.Pager {
	return pager(p.v.query, path, p.page, p.size, p.rows.total, len(p.rows.names))
}

// column returns the head of a column that sorts: a second time, the other way.
func column(q query, path string, of sortColumn, sorted string, down bool) templates.Column {
	c := templates.Column{Label: of.label, Numeric: of.numeric, Minor: of.minor}
	by, to := of.sort, of.sort
	switch {
	case by != sorted && of.numeric:
		to = "-" + by // the largest first
	case by == sorted && down:
		c.Sorted = "descending"
	case by == sorted:
		c.Sorted, to = "ascending", "-"+by
	}
	c.Href = q.with(path, "sort", to, "page", "")
	return c
}

// lastPage returns the number of a list's last page; an empty list has one page.
func lastPage(total, size int) int { return max((total+size-1)/size, 1) }

// pager describes a page's position in a list, and leads to others and to other sizes.
func pager(q query, path string, page, size, total, rows int) templates.Pager {
	if rows == 0 {
		return templates.Pager{}
	}
	first := (page-1)*size + 1
	p := templates.Pager{Text: fmt.Sprintf("%s–%s of %s", grouped(first), grouped(first+rows-1), grouped(total))}
	at := func(n int) string { return q.with(path, "page", strconv.Itoa(n)) }
	last := (total + size - 1) / size
	if page > 1 {
		p.Prev = at(page - 1)
	}
	if page < last {
		p.Next = at(page + 1)
	}
	for _, n := range nearPages(page, last) {
		p.Pages = append(p.Pages, templates.PageLink{Label: grouped(n), Href: at(n), Current: n == page})
	}
	if total > pageRows {
		for _, n := range pageSizes {
			p.Sizes = append(p.Sizes, templates.PageLink{Label: grouped(n), Href: q.with(path, "rows", strconv.Itoa(n), "page", ""), Current: n == size})
		}
	}
	return p
}

// nearPages returns pages by which any other is reached in few steps: the first, the last, those beside the page, and one
// half-way to each end. There are none for a single page.
func nearPages(page, last int) (list []int) {
	if last < 2 {
		return nil
	}
	for _, n := range []int{1, (1 + page) / 2, page - 1, page, page + 1, (page + last + 1) / 2, last} {
		if n >= 1 && n <= last && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}
