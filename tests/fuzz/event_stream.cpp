// Event streams: where events end, what the first one says, and the session that its URL names.
//
// Input      The body of an event stream; for the URLs also taken as one URL.
// Invariants Where the bytes are cut makes no difference. A comment put where the proxy would put
//            one changes no event, for a reader of the whole standard and, in streams without a
//            lone CR, for one that knows LF and CRLF alone. What counts as an `endpoint` event is
//            the first event by the standard, of that type and with that data. A tag behind the
//            session parameter of a URL becomes part of that parameter and changes nothing else.
#include "http/event_stream.h"

#include "fuzz.h"
#include "session/endpoint_event.h"

namespace ringside::fuzz {
namespace {

using http::EventBoundary;
using http::FirstEvent;

constexpr std::string_view kComment = ": keep-alive\n\n";
constexpr std::string_view kMark = "\xEF\xBB\xBF";

struct Event {
  std::string type, data;
  friend bool operator==(const Event&, const Event&) = default;
};

// The whole standard, slowly: lines first, then fields. Without `knows_cr` a CR ends a line only
// before an LF.
std::vector<Event> events_of(std::string_view stream, bool knows_cr) {
  if (stream.starts_with(kMark)) stream.remove_prefix(kMark.size());
  std::vector<Event> events;
  Event event;
  bool has_data = false;
  std::string line;
  const auto end_line = [&] {
    if (line.empty()) {
      if (has_data) events.push_back(event);
      event = {};
      has_data = false;
      return;
    }
    const std::size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    std::string value = colon == line.npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (name == "event") event.type = value;
    if (name == "data") {
      event.data += has_data ? "\n" + value : value;
      has_data = true;
    }
    line.clear();
  };
  for (std::size_t at = 0; at < stream.size(); ++at) {
    const bool before_lf = at + 1 < stream.size() && stream[at + 1] == '\n';
    if (stream[at] == '\r' && (knows_cr || before_lf)) {
      end_line();
      if (before_lf) ++at;
    } else if (stream[at] == '\n') {
      end_line();
    } else {
      line += stream[at];
    }
  }
  return events;
}

bool has_lone_cr(std::string_view stream) {
  for (std::size_t at = stream.find('\r'); at != stream.npos; at = stream.find('\r', at + 1)) {
    if (!stream.substr(at + 1).starts_with('\n')) return true;
  }
  return false;
}

void check_comment(std::string_view stream, std::size_t at, bool knows_cr) {
  if (at == 0 && stream.starts_with(kMark)) return;  // see EventBoundary: no such server is known
  std::string with_comment(stream.substr(0, at));
  with_comment.append(kComment).append(stream.substr(at));
  check(events_of(stream, knows_cr) == events_of(with_comment, knows_cr),
        "a comment at a boundary changes no event", {stream, with_comment});
}

void check_boundaries(std::string_view stream, Random& random) {
  EventBoundary by_byte;
  std::vector<bool> is_boundary{by_byte.at_boundary()};
  for (const char& byte : stream) {
    by_byte.feed({&byte, 1});
    is_boundary.push_back(by_byte.at_boundary());
  }
  EventBoundary cut;
  std::size_t fed = 0;
  for (const std::string_view piece : pieces_of(stream, random)) {
    cut.feed(piece);
    fed += piece.size();
    check(cut.at_boundary() == is_boundary[fed], "cuts make no difference", {stream});
  }
  if (stream.size() > 512) return;  // what follows takes the square of it
  const bool all_know = !has_lone_cr(stream);
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    if (!is_boundary[at]) continue;
    check_comment(stream, at, true);
    if (all_know) check_comment(stream, at, false);
  }
}

struct First {
  FirstEvent::State state = FirstEvent::State::more;
  std::string data;
  std::size_t data_at = 0;  // in the stream
};

First first_of(std::string_view stream, const std::vector<std::string_view>& pieces, bool passes) {
  FirstEvent reader;
  First first;
  std::string released;
  std::size_t fed = 0;
  for (const std::string_view piece : pieces) {
    fed += piece.size();
    first.state = reader.feed(piece);
    if (first.state != FirstEvent::State::more) break;
    if (passes) released += reader.take_passed();
  }
  if (first.state == FirstEvent::State::event) {
    first.data = reader.data();
    first.data_at = released.size() + reader.data_at();
  }
  released += reader.take_raw();
  check(released == stream.substr(0, fed), "no byte is lost", {stream, released});
  return first;
}

void check_first_event(std::string_view stream, Random& random) {
  const First whole = first_of(stream, {stream}, false);
  const First cut = first_of(stream, pieces_of(stream, random), random.below(2) == 0);
  check(whole.state == cut.state && whole.data == cut.data && whole.data_at == cut.data_at,
        "cuts make no difference to the first event", {stream, whole.data, cut.data});
  if (whole.state != FirstEvent::State::event) return;
  check(stream.substr(whole.data_at).starts_with(whole.data), "the data stands where it is said",
        {stream, whole.data});
  const std::vector<Event> events = events_of(stream, true);
  check(!events.empty() && events[0] == Event{"endpoint", whole.data},
        "it is the first event by the standard", {stream, whole.data});
}

void check_url(std::string_view url) {
  const auto event = session::read_endpoint_event(url);
  if (!event) return;
  const auto& session = event->session;
  const std::string id(session.id());
  check(!id.empty() && id.size() <= session::kSessionParameterBytes &&
            std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; }),
        "an id is visible and short", {url, id});
  check(url.substr(session.raw_at, session.raw.size()) == session.raw, "the id is in the URL",
        {url, session.raw});
  constexpr std::string_view kTag = ".AAAAAAAAAAAAAAAAAAAAAA";
  std::string tagged(url);
  tagged.insert(session.raw_at + session.raw.size(), kTag);
  const auto again = session::session_parameter(tagged);
  if (id.size() + kTag.size() > session::kSessionParameterBytes) return;
  check(again && again->id() == id + std::string(kTag), "a tag becomes part of the id", {tagged});
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  const std::string_view input = as_text(data, size);
  auto random = random_for(input);
  check_boundaries(input, random);
  check_first_event(input, random);
  check_url(input);
  return 0;
}
