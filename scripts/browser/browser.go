// Package browser opens the page in Chromium, as people and tests see it.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ErrNone is why nothing could be opened: there is no Chromium on this machine.
var ErrNone = errors.New("there is no chromium here; Debian has it as the package chromium")

// Browser is one running Chromium. Close it.
type Browser struct {
	context context.Context
	stop    func()
}

// Open starts Chromium without a window. It fails with ErrNone where there is none.
func Open(ctx context.Context) (*Browser, error) {
	path, err := Path()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("js-flags", "--expose-gc"), chromedp.Flag("enable-precise-memory-info", true), chromedp.WSURLReadTimeout(2*time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocated, stop := chromedp.NewExecAllocator(ctx, options...)
	first, cancel := chromedp.NewContext(allocated)
	if err := chromedp.Do(first); err != nil {
		cancel()
		stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return &Browser{context: first, stop: func() { cancel(); stop() }}, nil
}

// Path is where Chromium is.
func Path() (string, error) {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// Close ends Chromium.
func (b *Browser) Close() { b.stop() }

// Look is how a tab looks at the page.
type Look struct {
	Width, Height int64
	// Language is what the browser asks for first: en-GB or zh-CN.
	Language string
	Dark     bool
}

// Tab is one tab, with everything that it complained of.
type Tab struct {
	Context context.Context
	close   func()

	mu         sync.Mutex
	complaints []string
}

// Tab opens a tab of its own, with storage that no other tab sees.
func (b *Browser) Tab(look Look) (*Tab, error) {
	t := &Tab{}
	t.Context, t.close = chromedp.NewContext(b.context, chromedp.WithNewBrowserContext(), chromedp.WithListener(t.listen))
	if err := t.prepare(look); err != nil {
		t.close()
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	return t, nil
}

func (t *Tab) prepare(look Look) error {
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	if err := chromedp.Do(t.Context); err != nil {
		return err
	}
	_, err := chromedp.Call(t.Context, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: look.Width, Height: look.Height, DeviceScaleFactor: 1, Mobile: look.Width < 600,
	})
	if err != nil {
		return err
	}
	_, err = chromedp.Call(t.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		return err
	}
	if _, err := chromedp.Call(t.Context, cdplog.Enable, chromedp.Void{}); err != nil {
		return err
	}
	return t.Before(fmt.Sprintf(`Object.defineProperty(navigator, 'languages', {get: () => [%q]})`, look.Language))
}

// Before runs a script in each document before its own.
func (t *Tab) Before(script string) error {
	_, err := chromedp.Call(t.Context, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	return err
}

// Go opens an address.
func (t *Tab) Go(address string) error { return chromedp.Do(t.Context, chromedp.Navigate(address)) }

// Ask evaluates an expression; a promise is awaited.
func Ask[T any](t *Tab, expression string) (T, error) {
	return chromedp.Run(t.Context, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Wait waits until an expression holds.
func (t *Tab) Wait(expression string, most time.Duration) error {
	end := time.Now().Add(most)
	for {
		if holds, err := Ask[bool](t, "!!("+expression+")"); err == nil && holds {
			return nil
		}
		if time.Now().After(end) {
			text, _ := Ask[string](t, `document.body.innerText.slice(0, 1500)`)
			return fmt.Errorf("after %s it does not hold that %s; the page says:\n%s", most, expression, text)
		}
		select {
		case <-t.Context.Done():
			return t.Context.Err()
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// Settled waits until the page has asked everything that it wants to know.
func (t *Tab) Settled() error {
	return t.Wait(`document.querySelector('main h1, main .notice') && !document.querySelector('.busy.on, .loading') && !document.querySelector('[aria-busy=true]')`, 90*time.Second)
}

// Close closes the tab.
func (t *Tab) Close() { t.close() }

// listen keeps what the page complains of: exceptions, errors on the console,
// what the security policy refused.
func (t *Tab) listen(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			said = "console"
			for _, argument := range e.Args {
				said += " " + string(argument.Value) + argument.Description
			}
		}
	case *cdplog.EventEntryAdded:
		// That a request was answered with a failure is the page's to say, not a defect of it.
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			said = string(e.Entry.Source) + ": " + e.Entry.Text
		}
	}
	if said == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complaints = append(t.complaints, said)
}

// Complaints are what the page complained of so far.
func (t *Tab) Complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.complaints)
}

// Picture is the page as it looks: all of it if whole, else what the window shows.
func (t *Tab) Picture(whole bool) ([]byte, error) {
	if whole {
		return chromedp.Run(t.Context, chromedp.FullScreenshot(100))
	}
	return chromedp.Run(t.Context, chromedp.CaptureScreenshot())
}
