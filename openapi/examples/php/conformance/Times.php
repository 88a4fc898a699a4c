<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\Time;
use stdClass;
use TypeError;
use UnexpectedValueException;

/** Points in time: text to milliseconds, and the time of an event to text. */
final class Times
{
    public function __construct(private readonly Setup $setup)
    {
    }

    public function run(): void
    {
        $vectors = $this->setup->vectors('timestamps.json');
        foreach ($vectors->utc as $case) {
            $this->report($case, 'epoch_ms', static fn (): array => ['epoch_ms' => Time::fromUtc($case->text)]);
        }
        foreach ($vectors->epoch as $case) {
            $text = static fn (): string => Time::toUtc(Time::ofEvent($case->value, $vectors->now));
            $this->report($case, 'text', static fn (): array => ['text' => $text()]);
        }
    }

    /** @param \Closure(): array<string, int|string> $read */
    private function report(stdClass $case, string $member, \Closure $read): void
    {
        try {
            $outcome = $read();
        } catch (TypeError | UnexpectedValueException) {
            $outcome = ['refused' => true];
        }
        $line = ['part' => 'time', 'name' => $case->name, ...$outcome];
        $expected = $case->valid ? [$member => $case->{$member}] : ['refused' => true];
        $this->setup->tally->case('timestamps.json', $case->name, $line, $expected);
    }
}
