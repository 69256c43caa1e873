package usage

import (
	"strings"
	"time"
)

// Lifetime is how long an operating system gets security updates that are part
// of what everybody has: without what must be bought in addition.
type Lifetime struct {
	// System is the beginning of its names, such as "Ubuntu 22.04".
	System string
	// Ends is the last day with updates.
	Ends time.Time
	// Source is where it says so, as of AsOf.
	Source string
	AsOf   time.Time
}

// Where the dates are from, with the day on which they were so there.
const (
	fromAlibaba = "https://www.alibabacloud.com/help/en/ecs/user-guide/solution-for-alibaba-cloud-linux-2-entering-the-els-phase 2025-11-13"
	fromWindows = "https://www.alibabacloud.com/help/en/ecs/user-guide/windows-server-eol-guide 2026-04-30"
	fromCentOS  = "https://www.centos.org/centos-linux-eol/ 2024-07-01"
	fromStream  = "https://www.centos.org/cl-vs-cs/ 2025-01-31"
	fromUbuntu  = "https://ubuntu.com/about/release-cycle 2026-05-01"
	fromDebian  = "https://wiki.debian.org/LTS 2025-06-30"
	fromRocky   = "https://wiki.rockylinux.org/rocky/version/ 2025-06-30"
	fromAlma    = "https://wiki.almalinux.org/release-notes/ 2025-06-30"
	fromRedHat  = "https://access.redhat.com/support/policy/updates/errata 2025-01-31"
	fromSUSE    = "https://www.suse.com/lifecycle 2025-06-30"
)

// lifetime is one row of the table: {system, last day, source and its day}.
type lifetime [3]string

// lifetimes is the table. A row holds for names that begin with its words; the
// longest one counts.
func lifetimes() []lifetime {
	return []lifetime{
		{"Alibaba Cloud Linux 2", "2026-03-31", fromAlibaba},
		{"Alibaba Cloud Linux 3", "2031-03-31", fromAlibaba},
		{"Windows Server 2003", "2015-07-14", fromWindows},
		{"Windows Server 2008", "2020-01-14", fromWindows},
		{"Windows Server 2012", "2023-10-10", fromWindows},
		{"Windows Server 2016", "2027-01-12", fromWindows},
		{"Windows Server 2019", "2029-01-09", fromWindows},
		{"Windows Server 2022", "2031-10-14", fromWindows},
		{"Windows Server 2025", "2034-10-10", fromWindows},
		{"CentOS 5", "2017-03-31", fromCentOS},
		{"CentOS 6", "2020-11-30", fromCentOS},
		{"CentOS 7", "2024-06-30", fromCentOS},
		{"CentOS 8", "2021-12-31", fromCentOS},
		{"CentOS Stream 8", "2024-05-31", fromStream},
		{"CentOS Stream 9", "2027-05-31", fromStream},
		{"CentOS Stream 10", "2030-01-01", fromStream},
		{"Ubuntu 14.04", "2019-04-02", fromUbuntu},
		{"Ubuntu 16.04", "2021-04-02", fromUbuntu},
		{"Ubuntu 18.04", "2023-05-31", fromUbuntu},
		{"Ubuntu 20.04", "2025-05-31", fromUbuntu},
		{"Ubuntu 22.04", "2027-04-01", fromUbuntu},
		{"Ubuntu 24.04", "2029-05-31", fromUbuntu},
		{"Ubuntu 26.04", "2031-04-30", fromUbuntu},
		{"Debian 9", "2022-07-01", fromDebian},
		{"Debian 10", "2024-06-30", fromDebian},
		{"Debian 11", "2026-08-31", fromDebian},
		{"Debian 12", "2028-06-30", fromDebian},
		{"Debian 13", "2030-06-30", fromDebian},
		{"Rocky Linux 8", "2029-05-31", fromRocky},
		{"Rocky Linux 9", "2032-05-31", fromRocky},
		{"AlmaLinux 8", "2029-03-01", fromAlma},
		{"AlmaLinux 9", "2032-05-31", fromAlma},
		{"AlmaLinux 10", "2035-05-31", fromAlma},
		{"Red Hat Enterprise Linux 6", "2020-11-30", fromRedHat},
		{"Red Hat Enterprise Linux 7", "2024-06-30", fromRedHat},
		{"Red Hat Enterprise Linux 8", "2029-05-31", fromRedHat},
		{"Red Hat Enterprise Linux 9", "2032-05-31", fromRedHat},
		{"SUSE Linux Enterprise Server 12 SP5", "2024-10-31", fromSUSE},
		{"SUSE Linux Enterprise Server 15 SP5", "2024-12-31", fromSUSE},
		{"SUSE Linux Enterprise Server 15 SP6", "2025-12-31", fromSUSE},
		{"SUSE Linux Enterprise Server 15 SP7", "2031-07-31", fromSUSE},
	}
}

// Lifetimes returns the whole table.
func Lifetimes() []Lifetime {
	rows := lifetimes()
	table := make([]Lifetime, 0, len(rows))
	for _, row := range rows {
		source, day, _ := strings.Cut(row[2], " ")
		ends, err1 := time.Parse(time.DateOnly, row[1])
		asOf, err2 := time.Parse(time.DateOnly, day)
		if err1 == nil && err2 == nil {
			table = append(table, Lifetime{System: row[0], Ends: ends, Source: source, AsOf: asOf})
		}
	}
	return table
}

// LifetimeOf looks an operating system up by its full name, such as
// "Ubuntu  22.04 64 bit". It reports whether the table has it.
func LifetimeOf(osName string) (Lifetime, bool) { return lookUp(Lifetimes(), osName) }

func lookUp(table []Lifetime, osName string) (Lifetime, bool) {
	name := strings.ToLower(strings.Join(strings.Fields(osName), " "))
	var best Lifetime
	for _, l := range table {
		if begins(name, strings.ToLower(l.System)) && len(l.System) > len(best.System) {
			best = l
		}
	}
	return best, best.System != ""
}

// begins: name begins with the words of system; a version may go on after a dot,
// and Windows names may have an R2.
func begins(name, system string) bool {
	rest, ok := strings.CutPrefix(name, system)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '.')
}
