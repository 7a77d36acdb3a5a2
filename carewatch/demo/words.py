"""What the demo says on the terminal, in the language of the locale."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "starting": "正在启动：消息服务器、采集、报警、值守台和 {residents} 位老人的手表……",
        "board": "值守台（已登录为 {officer}）：{url}",
        "influx": "InfluxDB：{url}",
        "no_influx": "没有 InfluxDB：运行 `make servers` 即可获得；数据都在日志里，有了就会写入。",
        "files": "日志和文件：{folder}",
        "stop": "按 Ctrl-C 结束。",
        "first_sms": "第一条短信（{to}）",
        "first_email": "第一封邮件（{to}）",
        "status": "{clock}  读数 发出 {published} 入库 {committed}  报警 {alerts}（等待 {waiting}）"
        "  短信 {sms}  邮件 {email}",
        "influx_refuses": "InfluxDB 拒绝了：{problem}",
        "ending": "正在结束：等手表的最后读数入库、最后的消息发出……",
        "ended": "结束。{speed:g} 倍速 {minutes:.1f} 分钟，{residents} 位老人。",
        "readings": "读数：发出 {published}，入库 {committed}，重复 {duplicates}，隔离 {quarantined}，丢失 {lost}，"
        "写入 InfluxDB {influx_written}",
        "alerts": "报警：{fired}{by_rule}",
        "truth": "真实紧急情况 {emergencies}：已报警 {alerted}，漏报 {missed}，误报紧急 {false_emergencies}",
        "messages": "消息：短信 {sms}，邮件 {email}",
        "latency": "手表发出到交给网关：中位 {p50} 秒，99% 在 {p99} 秒内（{count} 次）",
        "by_rule": "（{rules}）",
        "subject": "主题：{subject}",
        "kept": "文件都留在 {folder}（不需要时可删除）。",
        "role_failed": "启动失败，请看 {file}",
        "port_taken": "端口 {wished} 被占用，值守台改用 {port}。",
    },
    "en": {
        "starting": "Starting: broker, ingest, alerts, board, and the watches of {residents} residents …",
        "board": "Duty board (signed in as {officer}): {url}",
        "influx": "InfluxDB: {url}",
        "no_influx": "No InfluxDB: `make servers` gets one; everything is in the log and is written when it comes.",
        "files": "Log and files: {folder}",
        "stop": "Ctrl-C ends it.",
        "first_sms": "The first SMS (to {to})",
        "first_email": "The first email (to {to})",
        "status": "{clock}  readings published {published} committed {committed}  alerts {alerts} ({waiting} waiting)"
        "  SMS {sms}  emails {email}",
        "influx_refuses": "InfluxDB refuses: {problem}",
        "ending": "Ending: the watches' last readings are committed, the last messages sent …",
        "ended": "Ended. {minutes:.1f} min at {speed:g}x, {residents} residents.",
        "readings": "Readings: published {published}, committed {committed}, duplicates {duplicates}, "
        "quarantined {quarantined}, lost {lost}, written to InfluxDB {influx_written}",
        "alerts": "Alerts: {fired}{by_rule}",
        "truth": "True emergencies {emergencies}: alerted {alerted}, missed {missed}; "
        "false emergencies {false_emergencies}",
        "messages": "Messages: {sms} SMS, {email} emails",
        "latency": "Published by the watch to handed to the gateway: p50 {p50} s, p99 {p99} s ({count} times)",
        "by_rule": " ({rules})",
        "subject": "Subject: {subject}",
        "kept": "The files stay in {folder}; delete it when you like.",
        "role_failed": "It did not start; see {file}",
        "port_taken": "Port {wished} is taken; the board is on {port}.",
    },
}


def language_of(environment: Mapping[str, str]) -> str:
    """Zh where the locale says so, else en (POSIX: LC_ALL, then LC_MESSAGES, then LANG)."""
    chosen = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"
