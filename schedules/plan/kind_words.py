"""What each kind of milestone is called to the patient, in every language. Names only: no day, no leave.

Defaults of the product that a clinic's clinician reads before use, like all texts that ship.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text
from schedules.plan.vocabulary import MilestoneKind

_NAMES: Final[Mapping[MilestoneKind, Text]] = MappingProxyType(
    {
        MilestoneKind.education: Text(en="Preparing for surgery", es="Preparar la operación"),
        MilestoneKind.prom_baseline: Text(en="Questionnaire before surgery", es="Cuestionario antes de la operación"),
        MilestoneKind.step_baseline: Text(en="Your usual steps", es="Sus pasos habituales"),
        MilestoneKind.stop_smoking: Text(en="Stopping nicotine", es="Dejar la nicotina"),
        MilestoneKind.reduce_alcohol: Text(en="Less alcohol", es="Menos alcohol"),
        MilestoneKind.brace_fitted: Text(en="Brace or collar", es="Corsé o collarín"),
        MilestoneKind.driver_and_adult: Text(en="A ride home and a helper", es="Transporte a casa y compañía"),
        MilestoneKind.work_note_before: Text(en="Note for your employer", es="Nota para su empleador"),
        MilestoneKind.health_check: Text(en="Health check before surgery", es="Control de salud antes de la operación"),
        MilestoneKind.fasting: Text(en="Eating and drinking before surgery", es="Comer y beber antes de la operación"),
        MilestoneKind.medicines_pause: Text(en="Pausing medicines", es="Pausa de medicinas"),
        MilestoneKind.medicines_restart: Text(en="Restarting medicines", es="Reinicio de medicinas"),
        MilestoneKind.skin_wash: Text(en="Skin wash", es="Lavado de piel"),
        MilestoneKind.mobilise: Text(en="First steps", es="Primeros pasos"),
        MilestoneKind.discharge: Text(en="Going home", es="Vuelta a casa"),
        MilestoneKind.shower: Text(en="Showering", es="Ducharse"),
        MilestoneKind.incision: Text(en="Wound check", es="Revisión de la herida"),
        MilestoneKind.opioid_stop: Text(en="Strong pain medicine", es="Analgésico fuerte"),
        MilestoneKind.drive: Text(en="Driving", es="Conducir"),
        MilestoneKind.walk30: Text(en="Walking 30 minutes a day", es="Caminar 30 minutos al día"),
        MilestoneKind.sit60: Text(en="Sitting for an hour", es="Estar sentado una hora"),
        MilestoneKind.pt_start: Text(en="Start of physical therapy", es="Inicio de la fisioterapia"),
        MilestoneKind.rtw_sed: Text(en="Desk work", es="Trabajo de escritorio"),
        MilestoneKind.rtw_light: Text(en="Light work", es="Trabajo ligero"),
        MilestoneKind.rtw_med: Text(en="Medium work", es="Trabajo de esfuerzo medio"),
        MilestoneKind.rtw_heavy: Text(en="Heavy work", es="Trabajo pesado"),
        MilestoneKind.rtw_very_heavy: Text(en="Very heavy work", es="Trabajo muy pesado"),
        MilestoneKind.lifting_step: Text(en="A higher lifting limit", es="Un límite de peso mayor"),
        MilestoneKind.fracture_check: Text(en="X-ray for new back pain", es="Radiografía por dolor nuevo"),
        MilestoneKind.blt_end: Text(en="Bending and twisting", es="Inclinarse y girar"),
        MilestoneKind.brace_wean: Text(en="Leaving off the brace or collar", es="Dejar el corsé o collarín"),
        MilestoneKind.sport_low: Text(en="Gentle exercise", es="Ejercicio suave"),
        MilestoneKind.sport_nc: Text(en="Sports without contact", es="Deportes sin contacto"),
        MilestoneKind.sport_ct: Text(en="Contact sports", es="Deportes de contacto"),
        MilestoneKind.full: Text(en="Looking back on your recovery", es="Balance de su recuperación"),
        MilestoneKind.prom_followup: Text(en="Questionnaire", es="Cuestionario"),
        MilestoneKind.imaging: Text(en="X-ray", es="Radiografía"),
        MilestoneKind.visit: Text(en="Visit", es="Cita"),
        MilestoneKind.check_in: Text(en="How you are today", es="Cómo está hoy"),
    }
)


def kind_name(kind: MilestoneKind) -> Text:
    """Return what a patient reads of a kind of milestone."""
    return _NAMES[kind]
