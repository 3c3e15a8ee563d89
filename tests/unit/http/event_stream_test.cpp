// Numbers in names are the cases of the session rules that a test covers.
#include "http/event_stream.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"

namespace ringside::http {
namespace {

// ---- two readers of event streams, as clients have them -----------------------------------------

struct Event {
  std::string type;
  std::string data;
  std::string last_id;
  friend bool operator==(const Event&, const Event&) = default;
};

using Lines = std::vector<std::string>;

// As WHATWG says it: a lone CR ends a line too. What follows the last end is no line.
Lines lines_by_the_book(std::string stream) {
  if (stream.starts_with("\xEF\xBB\xBF")) stream.erase(0, 3);
  Lines lines;
  std::string line;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] != '\r' && stream[i] != '\n') {
      line += stream[i];
      continue;
    }
    if (stream.substr(i, 2) == "\r\n") ++i;
    lines.push_back(line);
    line.clear();
  }
  return lines;
}

// As scanners do it that know LF and CRLF only.
Lines lines_by_lf(const std::string& stream) {
  Lines lines;
  std::size_t from = 0;
  for (std::size_t end; (end = stream.find('\n', from)) != std::string::npos; from = end + 1) {
    std::string line = stream.substr(from, end - from);
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

std::vector<Event> events_of(const Lines& lines) {
  std::vector<Event> events;
  std::string type, id;
  std::optional<std::string> data;
  for (const std::string& line : lines) {
    if (line.empty()) {
      if (data) events.push_back({type, *data, id});
      type.clear();
      data.reset();
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (!value.empty() && value[0] == ' ') value.erase(0, 1);
    if (name == "event") type = value;
    if (name == "data") data = data ? *data + "\n" + value : value;
    if (name == "id") id = value;
  }
  return events;
}

// ---- streams ------------------------------------------------------------------------------------

const std::string kComment = ": keep-alive\n\n";
const std::string kMark = "\xEF\xBB\xBF";

// Where a reader of the bytes before may be told a comment.
std::vector<std::size_t> boundaries_of(std::string_view stream) {
  std::vector<std::size_t> found;
  EventBoundary boundary;
  for (std::size_t at = 0;; ++at) {
    if (boundary.at_boundary()) found.push_back(at);
    if (at == stream.size()) return found;
    boundary.feed(stream.substr(at, 1));
  }
}

using Ats = std::vector<std::size_t>;

// Streams that are put together of pieces at random, most of them no good ones.
template <std::size_t N>
std::string random_stream(Random& random, const std::array<std::string_view, N>& pieces) {
  std::string stream;
  for (std::uint32_t left = random.below(24); left > 0; --left) {
    stream += pieces[random.below(N)];
  }
  return stream;
}

constexpr std::array<std::string_view, 14> kPieces{
    "\n",    "\n",     "\r", "\r\n",     "\r\n", "data: a",     "data", "event: endpoint",
    "id: 7", ": note", ":",  "retry: 1", "x",    "\xEF\xBB\xBF"};
constexpr std::array<std::string_view, 9> kPiecesWithoutCr{
    "\n",         "\n", "\r\n", "\r\n", "data: a\n", "data: b\r\n", "event: endpoint\n",
    ": note\r\n", "id"};

// ---- EventBoundary ------------------------------------------------------------------------------

TEST_CASE("event boundary: before the first byte and after each blank line") {
  CHECK(boundaries_of("") == Ats{0});
  CHECK(boundaries_of("data: a\n\n") == Ats{0, 9});
  CHECK(boundaries_of("data: a\r\n\r\n") == Ats{0, 11});
  CHECK(boundaries_of("id: 1\ndata: a\n\ndata: b\n\n") == Ats{0, 15, 24});
  CHECK(boundaries_of("\n\n") == Ats{0, 1, 2});
  CHECK(boundaries_of("event: endpoint\ndata: /m\r\n\r\n") == Ats{0, 28});  // mcp-go
}

TEST_CASE("event boundary: never inside an event") {
  CHECK(boundaries_of("data: a\n") == Ats{0});
  CHECK(boundaries_of("retry: 3000\n") == Ats{0});
  CHECK(boundaries_of("data: a\n: note\n") == Ats{0});
  CHECK(boundaries_of("data: a\n\ndata") == Ats{0, 9});
}

TEST_CASE("event boundary: comments between events keep it") {
  CHECK(boundaries_of(": a\n\n") == Ats{0, 4, 5});
  CHECK(boundaries_of(":\n:\n") == Ats{0, 2, 4});
  CHECK(boundaries_of(": a\r\n") == Ats{0, 5});
}

TEST_CASE("event boundary: half of a CRLF counts only where a lone CR has ended the line before") {
  CHECK(boundaries_of("data: a\r\n\r") == Ats{0});
  CHECK(boundaries_of("data: a\n\r") == Ats{0});
  CHECK(boundaries_of("data: a\r\r") == Ats{0, 9});
  CHECK(boundaries_of("data: a\r\r\n") == Ats{0, 9, 10});
  CHECK(boundaries_of("data: a\r\rdata: b\r\r") == Ats{0, 9, 18});
  CHECK(boundaries_of("\r") == Ats{0});
}

TEST_CASE("event boundary: after a byte order mark, not within") {
  CHECK(boundaries_of(kMark) == Ats{0, 3});
  CHECK(boundaries_of(kMark + "\n") == Ats{0, 3, 4});
  CHECK(boundaries_of(kMark + kMark + "\n\n") == Ats{0, 3, 8});  // the second is a field's name
  CHECK(boundaries_of("\xEF\n\n") == Ats{0, 3});
  CHECK(boundaries_of("\xEF\xBB\n\n") == Ats{0, 4});
  CHECK(boundaries_of("\n" + kMark) == Ats{0, 1});
}

TEST_CASE("event boundary: however the bytes are split, the answer is the same") {
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    const std::string stream = random_stream(random, kPieces);
    const Ats by_byte = boundaries_of(stream);
    const bool expected = by_byte.back() == stream.size();
    for (std::size_t at = 0; at <= stream.size(); ++at) {
      EventBoundary boundary;
      boundary.feed(std::string_view(stream).substr(0, at));
      boundary.feed({});
      boundary.feed(std::string_view(stream).substr(at));
      if (boundary.at_boundary() != expected) FAIL(round << " at " << at);
    }
  }
}

TEST_CASE("event boundary: a comment at any boundary changes no event") {
  Random random(2);
  std::size_t tried = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::string stream = random_stream(random, kPieces);
    const std::vector<Event> events = events_of(lines_by_the_book(stream + "\n\n"));
    for (const std::size_t at : boundaries_of(stream)) {
      if (at == 0 && stream.starts_with(kMark)) continue;  // as the header says
      std::string with_comment = stream + "\n\n";
      with_comment.insert(at, kComment);
      ++tried;
      if (events_of(lines_by_the_book(with_comment)) != events) FAIL(round << " at " << at);
    }
  }
  CHECK(tried > 10'000);
}

TEST_CASE("event boundary: nor to a reader that knows no lone CR") {
  Random random(3);
  std::size_t tried = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::string stream = random_stream(random, kPiecesWithoutCr);
    const Lines lines = lines_by_lf(stream + "\n\n");
    for (const std::size_t at : boundaries_of(stream)) {
      std::string with_comment = stream + "\n\n";
      with_comment.insert(at, kComment);
      ++tried;
      const Lines now = lines_by_lf(with_comment);
      if (events_of(now) != events_of(lines)) FAIL(round << " at " << at);
      // Such readers differ in what they make of a line "\r: keep-alive"; some give up.
      if (std::ranges::count(now, ": keep-alive") != 1) FAIL(round << " at " << at);
    }
  }
  CHECK(tried > 10'000);
}

TEST_CASE("event boundary: where a line ends with LF, each blank line is one") {
  Random random(4);
  for (int round = 0; round < 1000; ++round) {
    const std::string stream = random_stream(random, kPiecesWithoutCr);
    const Ats found = boundaries_of(stream);
    std::size_t next = 0;
    for (std::size_t at = 0; at + 1 < stream.size(); ++at) {
      const std::size_t blank = stream.substr(at).starts_with("\n\n")     ? at + 2
                                : stream.substr(at).starts_with("\n\r\n") ? at + 3
                                                                          : 0;
      if (blank == 0) continue;
      while (next < found.size() && found[next] < blank) ++next;
      if (next == found.size() || found[next] != blank) FAIL(round << " misses " << blank);
    }
  }
}

// ---- FirstEvent ---------------------------------------------------------------------------------

using State = FirstEvent::State;

struct Reading {
  State state = State::more;
  std::size_t fed = 0;  // bytes until the state was known, fed byte by byte
  std::string data;
  friend bool operator==(const Reading&, const Reading&) = default;
};

Reading read(std::string_view stream) {
  FirstEvent first;
  Reading reading;
  while (reading.state == State::more && reading.fed < stream.size()) {
    reading.state = first.feed(stream.substr(reading.fed++, 1));
  }
  if (reading.state == State::event) {
    reading.data = first.data();
    const std::string raw = first.take_raw();
    CHECK(raw == stream.substr(0, reading.fed));
  }
  return reading;
}

// What it says of a stream, having checked that each way to split it gives the same.
Reading read_in_every_way(std::string_view stream) {
  const Reading expected = read(stream);
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    FirstEvent first;
    std::size_t fed = at;
    State state = first.feed(stream.substr(0, at));
    if (state == State::more) {
      state = first.feed(stream.substr(at));
      fed = stream.size();
    }
    if (state != expected.state) FAIL("split at " << at);
    const std::string data(state == State::event ? first.data() : std::string_view{});
    const std::size_t data_at = first.data_at();
    const std::string raw = first.take_raw();
    if (raw != stream.substr(0, fed)) FAIL("raw bytes, split at " << at);
    if (data != expected.data) FAIL("data, split at " << at);
    if (raw.substr(data_at, data.size()) != data) FAIL("place of the data, split at " << at);
  }
  return expected;
}

TEST_CASE("first event: an endpoint event in all line endings, split anywhere (70)") {
  const std::string url = "/messages/?session_id=0123456789abcdef";
  for (const std::string& end : {std::string("\n"), std::string("\r"), std::string("\r\n")}) {
    const std::string event = "event: endpoint" + end + "data: " + url + end + end;
    for (const std::string& before :
         {std::string(), kMark, ": hello" + end, ":" + end + end, "retry: 3000" + end + end,
          kMark + "retry: 3000" + end + ": a" + end + end + end, "unknown" + end + end}) {
      INFO(before);
      const Reading reading = read_in_every_way(before + event + "event: message" + end);
      CHECK(reading.state == State::event);
      CHECK(reading.data == url);
      // A CRLF's LF need not be waited for.
      CHECK(reading.fed == before.size() + event.size() - (end.size() - 1));
    }
  }
}

TEST_CASE("first event: what servers write (70)") {
  const auto data_of = [](std::string_view stream) { return read_in_every_way(stream).data; };
  CHECK(data_of("event: endpoint\r\ndata: /messages/?session_id=a1\r\n\r\n") ==
        "/messages/?session_id=a1");
  CHECK(data_of("event: endpoint\ndata: /messages?sessionId=a1\n\n") == "/messages?sessionId=a1");
  CHECK(data_of("event: endpoint\ndata: /sse?sessionid=A1\n\n") == "/sse?sessionid=A1");
  CHECK(data_of("event: endpoint\ndata: /message?sessionId=a1\r\n\r\n") == "/message?sessionId=a1");
}

TEST_CASE("first event: the type comes first, other fields may be between") {
  CHECK(read_in_every_way("data: /m\nevent: endpoint\n\n") == Reading{State::other, 1, ""});
  CHECK(read_in_every_way("retry: 1\nevent:endpoint\n: note\nid: 1\ndata:/m\n\n").data == "/m");
  CHECK(read_in_every_way("event: endpoint\ndata\n\n") == Reading{State::event, 22, ""});
  CHECK(read_in_every_way("event: endpoint\ndata:  /m \n\n").data == " /m ");  // one space goes
}

TEST_CASE("first event: anything else is known as soon as it can be") {
  CHECK(read_in_every_way("event: message\ndata: a\n\n") == Reading{State::other, 15, ""});
  CHECK(read_in_every_way("event: endpoint2\n") == Reading{State::other, 17, ""});
  CHECK(read_in_every_way("event: Endpoint\n") == Reading{State::other, 16, ""});
  CHECK(read_in_every_way("event\ndata: a\n\n") == Reading{State::other, 6, ""});
  CHECK(read_in_every_way("data: {}\n\n") == Reading{State::other, 1, ""});
  CHECK(read_in_every_way("id: 0\ndata:\n\n") == Reading{State::other, 1, ""});  // priming
  CHECK(read_in_every_way("event: endpoint\ndata: a\ndata: b\n") == Reading{State::other, 32, ""});
  CHECK(read_in_every_way("event: endpoint\n\n") == Reading{State::other, 17, ""});
  CHECK(read_in_every_way("event: endpoint\nevent: message\n") == Reading{State::other, 31, ""});
}

TEST_CASE("first event: an endpoint event behind another one is not learned (72)") {
  CHECK(
      read("event: message\ndata: ?sessionId=a\n\nevent: endpoint\ndata: ?sessionId=b\n\n").state ==
      State::other);
  CHECK(read("data: event: endpoint\n\nevent: endpoint\ndata: a\n\n").state == State::other);
}

TEST_CASE("first event: a stream without one is read on") {
  for (const std::string_view stream :
       {"", ": a\n\n: b\n\n", "retry: 1\n\n", "event: endpoint\ndata: a\n", "event: message",
        "\n\r\n\r", "\xEF\xBB"}) {
    INFO(stream);
    CHECK(read_in_every_way(stream).state == State::more);
  }
}

TEST_CASE("first event: what one read brings beyond the event is kept") {
  FirstEvent first;
  const std::string stream = "event: endpoint\ndata: /m\n\n" + std::string(100'000, 'x');
  CHECK(first.feed(stream) == State::event);
  CHECK(first.data() == "/m");
  CHECK(first.data_at() == 22);
  CHECK(first.take_raw() == stream);
}

TEST_CASE("first event: no more than 16 KiB are looked at") {
  const std::string end = "\n\n";
  const std::string begin = "event: endpoint\ndata: ";
  const std::string fits = begin + std::string(kFirstEventBytes - begin.size() - 2, 'a') + end;
  CHECK(read(fits).state == State::event);
  CHECK(FirstEvent().feed(fits) == State::event);

  const std::string over = begin + std::string(kFirstEventBytes - begin.size() - 1, 'a') + end;
  CHECK(read(over) == Reading{State::too_long, kFirstEventBytes, ""});
  CHECK(FirstEvent().feed(over) == State::too_long);

  std::string comments;
  while (comments.size() < 2 * kFirstEventBytes) comments += ": a\n\n";
  CHECK(read(comments) == Reading{State::too_long, kFirstEventBytes, ""});
}

TEST_CASE("first event: what it says is what a client reads") {
  Random random(5);
  int endpoints = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string stream = random_stream(random, kPieces);
    const Reading reading = read(stream);
    if (reading.state != State::event) continue;
    ++endpoints;
    const std::vector<Event> events = events_of(lines_by_the_book(stream.substr(0, reading.fed)));
    if (events.size() != 1 || events[0].type != "endpoint" || events[0].data != reading.data) {
      FAIL(round);
    }
  }
  CHECK(endpoints > 50);
}

TEST_CASE("first event: what comes before it does not wait") {
  FirstEvent first;
  CHECK(first.feed(": hello\nretry: 10\n\neve") == FirstEvent::State::more);
  CHECK(first.take_passed() == ": hello\nretry: 10\n\n");
  CHECK(first.take_passed().empty());
  CHECK(first.feed("nt: endpoint\n") == FirstEvent::State::more);
  CHECK(first.take_passed().empty());
  CHECK(first.feed("data: /x?sessionId=1\n\n") == FirstEvent::State::event);
  CHECK(first.data() == "/x?sessionId=1");
  const std::size_t at = first.data_at();
  const std::string raw = first.take_raw();
  CHECK(raw == "event: endpoint\ndata: /x?sessionId=1\n\n");
  CHECK(raw.substr(at, 14) == "/x?sessionId=1");
}

}  // namespace
}  // namespace ringside::http
