#include "session/task_id.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::session {
namespace {

using std::string_literals::operator""s;

constexpr std::string_view kNested =
    R"({"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t-1","status":"working","ttl":60000}}})";
constexpr std::string_view kFlat =
    R"({"result":{"resultType":"task","status":"working","taskId":"t-1"},"id":1,"jsonrpc":"2.0"})";

TEST_CASE("task_id: both shapes, as JSON") {
  CHECK(task_id_of(kNested) == "t-1");
  CHECK(task_id_of(kFlat) == "t-1");
  CHECK(task_id_of(" \r\n\t" + std::string(kFlat)) == "t-1");
  CHECK(task_id_of("\xef\xbb\xbf" + std::string(kFlat)) == "t-1");
  CHECK(
      task_id_of(R"({"result" : { "task" : { "status" : {"taskId":"x"}, "taskId" : "t-1" } } })") ==
      "t-1");
  CHECK(task_id_of(R"({"result":{"_meta":{"a":[{}]},"task":{"a":[1]},"taskId":"t-1"}})") == "t-1");
}

TEST_CASE("task_id: both shapes, in the data of events, whatever ends the lines") {
  for (const std::string& end : std::vector<std::string>{"\n", "\r\n", "\r"}) {
    for (const std::string_view text : {kNested, kFlat}) {
      const std::string data(text);
      CHECK(task_id_of("data: " + data + end + end) == "t-1");
      CHECK(task_id_of(":hello" + end + end + "event: message" + end + "id: 7" + end +
                       "data:" + data + end + end) == "t-1");
      CHECK(task_id_of("id: 0" + end + "data:" + end + end + "data: {\"method\":" + end +
                       "data: \"notifications/progress\"}" + end + end + "retry: 5" + end +
                       "data: " + data + end + end) == "t-1");
    }
    CHECK(task_id_of("data: {\"result\":" + end + "data: {\"taskId\":" + end + "id: 9" + end +
                     "data: \"t-1\"}}" + end + end) == "t-1");
  }
}

TEST_CASE("task_id: what names no task has none") {
  for (const char* body :
       {"",
        " ",
        "x",
        "{}",
        "[]",
        "null",
        "\"taskId\"",
        R"({"taskId":"x"})",
        R"({"task":{"taskId":"x"}})",
        R"({"params":{"taskId":"x"}})",
        R"({"params":{"task":{"taskId":"x"}},"method":"a"})",
        R"({"result":"taskId"})",
        R"({"result":["taskId","x"]})",
        R"({"result":[{"taskId":"x"}]})",
        R"({"result":{"tasks":[{"taskId":"x"}]}})",
        R"({"result":{"task":[{"taskId":"x"}]}})",
        R"({"result":{"task":{"task":{"taskId":"x"}}}})",
        R"({"result":{"result":{"taskId":"x"}}})",
        R"({"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"x"}}}})",
        R"({"result":{"structuredContent":{"taskId":"x"}}})",
        R"({"result":{"taskId":7}})",
        R"({"result":{"taskId":null,"x":"y"}})",
        R"({"result":{"taskId":{"a":"x"}}})",
        R"({"result":{"taskId":""}})",
        R"({"result":{"a":"taskId","b":"x"}})",
        R"({"result":{"content":[{"type":"text","text":"{\"result\":{\"taskId\":\"x\"}}"}]}})",
        R"([{"result":{"taskId":"x"}}])",
        R"({"result":{}},{"result":{"taskId":"x"}})",
        R"({"error":{"taskId":"x"}})",
        R"({"result":{"taskid":"x"}})",
        "data {\"result\":{\"taskId\":\"x\"}}\n\n",
        "dat: {\"result\":{\"taskId\":\"x\"}}\n\n",
        ": data: {\"result\":{\"taskId\":\"x\"}}\n\n",
        "id: 1\n\ndata: {\"method\":\"a\",\ndata: \"params\":{\"taskId\":\"x\"}}\n\n",
        "data: {\"result\":\n\ndata: {\"taskId\":\"x\"}}\n\n"}) {
    INFO(body);
    CHECK_FALSE(task_id_of(body));
  }
}

TEST_CASE("task_id: escapes are undone, in names and in the id") {
  CHECK(task_id_of(R"({"\u0072esult":{"t\u0061skId":"a\/b\"\\\u002d\u00e4\ud83d\ude00\n"}})") ==
        "a/b\"\\-\xc3\xa4\xf0\x9f\x98\x80\n");
  CHECK(task_id_of(R"({"result":{"taskId":"\u20AC"}})") == "\xe2\x82\xac");
  const std::string half = "\xef\xbf\xbd";
  CHECK(task_id_of(R"({"result":{"taskId":"\ud83d"}})") == half);
  CHECK(task_id_of(R"({"result":{"taskId":"\ud83dx"}})") == half + "x");
  CHECK(task_id_of(R"({"result":{"taskId":"\ud83d\n"}})") == half + "\n");
  CHECK(task_id_of(R"({"result":{"taskId":"\ud83d\ud83d\ude00"}})") == half + "\xf0\x9f\x98\x80");
  CHECK(task_id_of(R"({"result":{"taskId":"\ude00x"}})") == half + "x");
  CHECK_FALSE(task_id_of(R"({"result":{"taskId":"\q"}})"));
  CHECK_FALSE(task_id_of(R"({"result":{"taskId":"\u00g0"}})"));
}

TEST_CASE("task_id: found as soon as it is there, however it is split") {
  for (const std::string& body :
       {std::string(kNested), std::string(kFlat), "id: 1\r\n\r\ndata: "s + std::string(kFlat),
        R"({"result":{"taskId":"t\u002d1"}})"s}) {
    const std::size_t end = body.find(body.find("u002d") == body.npos ? "t-1\"" : "1\"}") +
                            (body.find("u002d") == body.npos ? 4 : 2);
    for (std::size_t split = 0; split <= body.size(); ++split) {
      TaskIdFinder finder;
      finder.feed(std::string_view(body).substr(0, split));
      REQUIRE(finder.found().has_value() == (split >= end));
      CHECK_FALSE(finder.feed(std::string_view(body).substr(split)));
      REQUIRE(finder.found() == "t-1");
    }
    TaskIdFinder bytewise;
    for (const char c : body) bytewise.feed({&c, 1});
    CHECK(bytewise.found() == "t-1");
  }
}

TEST_CASE("task_id: gives up as soon as it can") {
  CHECK_FALSE(TaskIdFinder().feed("[1"));
  CHECK_FALSE(TaskIdFinder().feed(R"({"result":{}})"));
  CHECK_FALSE(TaskIdFinder().feed(R"({"id":1})"));
  CHECK_FALSE(TaskIdFinder().feed("data: {\"id\":1,\"error\":{}}\n"));
  CHECK(TaskIdFinder().feed("data: {\"method\":\"notifications/message\"}\n\n"));
  CHECK(TaskIdFinder().feed("data: nonsense\n\n"));
  CHECK(TaskIdFinder().feed(""));
  TaskIdFinder long_stream;
  const std::string comment = ": " + std::string(1021, 'x') + '\n';
  int fed = 0;
  while (long_stream.feed(comment)) ++fed;
  CHECK(fed == 63);
  CHECK_FALSE(long_stream.feed("\ndata: " + std::string(kFlat)));
  CHECK_FALSE(long_stream.found());
}

TEST_CASE("task_id: looks at 64 KiB and keeps no id beyond 1 KiB") {
  const auto behind = [](std::size_t size) {
    return R"({"result":{"x":")" + std::string(size, 'x') + R"(","taskId":"t-1"}})";
  };
  CHECK(task_id_of(behind(60'000)) == "t-1");
  CHECK_FALSE(task_id_of(behind(70'000)));
  const auto with_id = [](std::size_t size) {
    return task_id_of(R"({"result":{"taskId":")" + std::string(size, 'x') + R"("}})");
  };
  CHECK(with_id(1024) == std::string(1024, 'x'));
  CHECK_FALSE(with_id(1025));
}

TEST_CASE("task_id: nesting, brackets that do not match, and any bytes do no harm") {
  CHECK_FALSE(task_id_of(std::string(100'000, '[')));
  std::string deep = R"({"a":)" + std::string(30'000, '[') + std::string(30'000, ']') +
                     R"(,"result":{"taskId":"t-1"}})";
  CHECK(task_id_of(deep) == "t-1");
  CHECK_FALSE(task_id_of("}}}}{{{{"));
  CHECK_FALSE(task_id_of("{]]]]}}"));
  std::uint32_t state = 1;
  constexpr std::string_view kAlphabet = "{}[]\",:\\u0d8 \n\rresulttaskIddata:\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::string body;
    for (int i = 0; i < 60; ++i) {
      state = state * 1664525 + 1013904223;
      body += kAlphabet[(state >> 16U) % kAlphabet.size()];
    }
    task_id_of(body);
    task_id_of("{\"result\":{" + body);
    task_id_of("data: {\"result\":{\"task\":{" + body);
  }
  SUCCEED();
}

}  // namespace
}  // namespace ringside::session
