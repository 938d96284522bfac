package bench

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Mode is the shape of the load.
type Mode string

const (
	// Paced publishes Rate events a second for Duration.
	Paced Mode = "paced"
	// Burst publishes Burst events back to back, waits until all have arrived, and does so
	// Bursts times.
	Burst Mode = "burst"
	// Idle publishes nothing: connection cost and memory only.
	Idle Mode = "idle"
	// Resume drops all streams, publishes Missed events on every channel, reconnects all streams
	// with Last-Event-ID and verifies that each gets every event once and in order, while a few
	// other streams follow live traffic.
	Resume Mode = "resume"
)

// Templates for Rollcall on its default address. {channel} is a channel name, or in SubscribeURLs
// all names of the stream joined by commas; {stream} is the stream's number.
const (
	DefaultSubscribeURL = "http://127.0.0.1:9090/subscribe?channels={channel}"
	DefaultPublishURL   = "http://127.0.0.1:9090/publish"
	DefaultPublishBody  = `{"events":[{events}]}`
	DefaultPublishEvent = `{"channelName":"{channel}","type":"{type}","payload":"{payload}"}`
)

// Options say what to load and how, and which processes to watch. Zero values are the documented defaults.
type Options struct {
	SubscribeURLs []string // templates, over which streams are spread evenly; default DefaultSubscribeURL
	PublishURL    string   // template; default DefaultPublishURL
	PublishBody   string   // template; default DefaultPublishBody; may use only {payload}
	PublishEvent  string   // template of one of {events}; default DefaultPublishEvent
	Headers       []string // "Name: value", sent with every request
	InsecureTLS   bool     // any certificate is accepted

	ChannelPrefix string // channels are "<prefix>-<run>-0", "<prefix>-<run>-1", …; default "bench"
	EventType     string // {type}; default "message"

	Mode              Mode // default Paced
	Streams           int  // 0 allowed: measures only publishing
	Channels          int  // default 1
	ChannelsPerStream int  // default 1, in Resume 3; at most Channels
	Slow              int  // of Streams, so many that never read
	PayloadBytes      int  // default 100, at least MinPayload

	Rate       float64       // Paced: events a second over all channels; default 20
	Duration   time.Duration // Paced: default 10s
	Warmup     time.Duration // Paced: unmeasured load before; Burst: one unmeasured burst if > 0; Resume: calm live traffic; zero: none
	Burst      int           // Burst: events in one burst; default 300
	Bursts     int           // Burst: default 1
	Batch      int           // events in one POST, for templates with {events}; default 1
	Publishers int           // connections that publish at once, each with channels of its own; default 1

	Missed int // Resume: events on each channel while the streams are away; default 100
	Drops  int // Resume: first, drop all streams so many times for two seconds each, while Rate events a second are published
	Live   int // Resume: streams that stay and follow live traffic at Rate; default 10

	Settle   time.Duration // idle time before memory is read; zero: none
	Patience time.Duration // give up on missing deliveries after this time without any; default 10s
	Window   int           // streams being connected at the same time; default 100, in Resume 2000
	Readers  int           // reading goroutines (Linux); default 1

	PIDs []int // server processes to watch, children included; none: no CPU and memory figures
	// HTTP2 opens streams over HTTP/2, StreamsPerConnection on each connection (0 means 1); https chooses TLS.
	HTTP2                bool
	StreamsPerConnection int

	Portable bool      // use a goroutine per stream even if epoll is available
	Progress io.Writer // one line a second; nil: none

	moment time.Duration // how long nothing must come for quiet, and a fifth of the time between lines; default 200ms
}

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// withDefaults returns o completed, or an error that names the option at fault.
func (o Options) withDefaults() (Options, error) {
	if len(o.SubscribeURLs) == 0 {
		o.SubscribeURLs = []string{DefaultSubscribeURL}
	}
	setString(&o.PublishURL, DefaultPublishURL)
	setString(&o.PublishBody, DefaultPublishBody)
	setString(&o.PublishEvent, DefaultPublishEvent)
	setString(&o.ChannelPrefix, "bench")
	setString(&o.EventType, "message")
	if o.Mode == "" {
		o.Mode = Paced
	}
	setInt(&o.Channels, 1)
	if o.Mode == Resume {
		setInt(&o.ChannelsPerStream, min(3, o.Channels))
		setInt(&o.Window, 2000)
	}
	setInt(&o.ChannelsPerStream, 1)
	setInt(&o.Window, 100)
	setInt(&o.StreamsPerConnection, 1)
	setInt(&o.PayloadBytes, 100)
	setInt(&o.Burst, 300)
	setInt(&o.Bursts, 1)
	setInt(&o.Batch, 1)
	setInt(&o.Publishers, 1)
	setInt(&o.Missed, 100)
	setInt(&o.Live, 10)
	setInt(&o.Readers, 1)
	if o.Rate == 0 {
		o.Rate = 20
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.moment == 0 {
		o.moment = 200 * time.Millisecond
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	return o, o.validate()
}

// validate reports the first option that cannot be used. It expects defaults to be set.
func (o Options) validate() error {
	switch o.Mode {
	case Paced, Burst, Idle, Resume:
	default:
		return fmt.Errorf("mode %q: use %s, %s, %s or %s", o.Mode, Paced, Burst, Idle, Resume)
	}
	for _, raw := range o.SubscribeURLs {
		if err := checkURL("subscribe URL", raw); err != nil {
			return err
		}
	}
	if err := checkURL("publish URL", o.PublishURL); err != nil {
		return err
	}
	for _, h := range o.Headers {
		if name, _, ok := strings.Cut(h, ":"); !ok || name == "" || strings.ContainsAny(h, "\r\n") {
			return fmt.Errorf("header %q: use 'Name: value'", h)
		}
	}
	switch {
	case !prefixPattern.MatchString(o.ChannelPrefix):
		return fmt.Errorf("channel prefix %q: use 1 to 64 of A-Z a-z 0-9 . _ -", o.ChannelPrefix)
	case o.Streams < 0:
		return errors.New("streams: use 0 or more")
	case o.Channels < 1 || o.Channels >= maxChannels:
		return fmt.Errorf("channels: use 1 to %d", maxChannels-1)
	case o.ChannelsPerStream < 1 || o.ChannelsPerStream > o.Channels:
		return fmt.Errorf("channels per stream: use 1 to %d, the number of channels", o.Channels)
	case o.Slow < 0 || o.Slow > o.Streams:
		return fmt.Errorf("slow: use 0 to %d, the number of streams", o.Streams)
	case o.PayloadBytes < MinPayload:
		return fmt.Errorf("payload: use at least %d bytes, which the marker takes", MinPayload)
	case o.Rate < 0 || o.Burst < 1 || o.Bursts < 1 || o.Batch < 1 || o.Publishers < 1 ||
		o.Missed < 1 || o.Live < 1 || o.Window < 1 || o.Readers < 1 || o.StreamsPerConnection < 1:
		return errors.New("rate, burst, bursts, batch, publishers, missed, live, window, readers and streams per connection: use 1 or more")
	case o.Drops < 0:
		return errors.New("drops: use 0 or more")
	case o.StreamsPerConnection > 1 && !o.HTTP2:
		return errors.New("streams per connection: more than 1 needs HTTP/2")
	case o.Duration < 0 || o.Warmup < 0 || o.Settle < 0 || o.Patience < 0:
		return errors.New("durations: use 0 or more")
	case o.Batch > 1 && (!strings.Contains(o.PublishBody, "{events}") || strings.Contains(o.PublishURL, "{channel}")):
		return errors.New("batch: more than 1 needs {events} in the publish body and no {channel} in the publish URL")
	case o.Mode == Resume && o.Slow > 0:
		return errors.New("slow: not in resume mode")
	}
	return nil
}

func setString(p *string, value string) {
	if *p == "" {
		*p = value
	}
}

func setInt(p *int, value int) {
	if *p == 0 {
		*p = value
	}
}

// checkURL returns what is wrong with a URL template, or nil.
func checkURL(name, raw string) error {
	u, err := url.Parse(strings.NewReplacer("{channel}", "c", "{stream}", "1").Replace(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%s %q: use http://host:port/path", name, raw)
	}
	return nil
}
