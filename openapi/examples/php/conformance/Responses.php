<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\Generated\ApiException;
use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\ConsentChange;
use Copilot\Generated\Model\Event;
use Copilot\Json;
use Copilot\Refusal;
use stdClass;
use UnexpectedValueException;

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
            } catch (ApiException $thrown) {
                $refusal = Refusal::of($thrown);
                // A success that cannot be read is an error, and no refusal.
                $read = $refusal->status === 200
                    ? ['error' => true]
                    : ['status' => $refusal->status, 'reason' => $refusal->reason];
            } catch (UnexpectedValueException) {
                $read = ['error' => true];
            }
            $this->setup->report([...$line, ...$read]);
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
        [$answer, $status] = $this->setup->collect->collectWithHttpInfo($request);
        return ['status' => $status, 'invalid_events' => $answer->getInvalidEvents() ?? []];
    }

    /** @return array<string, mixed> */
    private function consent(stdClass $example): array
    {
        [, $status] = $this->setup->consent->setConsentWithHttpInfo(Json::read($example, ConsentChange::class));
        return ['status' => $status];
    }
}
