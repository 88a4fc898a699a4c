<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\ConsentChange;
use Copilot\Generated\Model\Event;
use Copilot\Json;
use Copilot\Refusal;
use Copilot\Unreadable;
use stdClass;

/** What the clients read from answers that the sandbox is told to give. */
final class Responses
{
    public function __construct(private readonly Setup $setup)
    {
    }

    public function run(): void
    {
        $example = $this->setup->vectors($this->setup->eventFiles()[0])->cases[0]->body;
        $consent = $this->setup->vectors('consent.json')->cases[0]->body;
        foreach ($this->setup->vectors('responses.json')->cases as $case) {
            $fault = ['kind' => 'answer', ...get_object_vars($case->answer)];
            $this->setup->sandbox('POST', 'faults', ['next' => 1, 'fault' => $fault]);
            $line = ['part' => 'response', 'name' => $case->name];
            try {
                $read = $case->operation === 'collect'
                    ? $this->collect($example, $case->event_ids)
                    : $this->consent($consent);
            } catch (Refusal $refusal) {
                $read = ['status' => $refusal->status, 'reason' => $refusal->reason];
            } catch (Unreadable) {
                // A success that cannot be read is an error, and no refusal.
                $read = ['error' => true];
            }
            $known = array_flip(['status', 'invalid_events', 'reason', 'unreadable']);
            $expected = array_intersect_key(get_object_vars($case->read), $known);
            $this->setup->tally->case('responses.json', $case->name, [...$line, ...$read], $expected, !$case->conforms);
        }
    }

    /**
     * @param list<string> $ids
     * @return array<string, mixed>
     */
    private function collect(stdClass $example, array $ids): array
    {
        $event = static fn (string $id): object => Json::read($example, Event::class)->setEventId($id);
        $request = (new CollectRequest())->setEvents(array_map($event, $ids));
        $answer = $this->setup->collect->collect($request);
        return ['status' => 200, 'invalid_events' => $answer->getInvalidEvents() ?? []];
    }

    /** @return array<string, mixed> */
    private function consent(stdClass $example): array
    {
        return ['status' => $this->setup->consent->setConsent(Json::read($example, ConsentChange::class))];
    }
}
